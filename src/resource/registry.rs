//! THE table of resources: decoding, messages and the reference documentation read it, and nothing else.

use crate::resource::{
    Columns, Label, Property, Resource, Shape, accounts, aide_conf, apache_conf, binaries, cgroup, crontab, csv,
    documents, file, find, grep, home_files, hosts_access, image, inetd_conf, kernel_module, kernel_parameter,
    key_values, keys, language_packages, limits, mail_alias, mounts, mysql_conf, network, os, os_env, package,
    package_files, pam, ports, postgres, processes, repositories, service, ssh_config, sshd_config, sudoers, sys_info,
    system_state, time_servers, web_servers, word_files, x509_certificate, xinetd_conf,
};

/// All resources, by name.
pub static REGISTRY: &[Resource] = &[
    aide_conf::AIDE_CONF,
    apache_conf::APACHE_CONF,
    repositories::APT,
    key_values::AUDITD_CONF,
    binaries::CARGO_BUILD,
    home_files::CASSANDRADB_CONF,
    cgroup::CGROUP,
    time_servers::CHRONY_CONF,
    system_state::CLOCK,
    language_packages::CPAN,
    language_packages::CRAN,
    crontab::CRONTAB,
    csv::CSV,
    keys::DH_PARAMS,
    file::DIRECTORY,
    binaries::ELF,
    word_files::ETC_FSTAB,
    word_files::ETC_HOSTS,
    hosts_access::ETC_HOSTS_ALLOW,
    hosts_access::ETC_HOSTS_DENY,
    file::FILE,
    mounts::FILESYSTEM,
    find::FIND,
    word_files::FSTAB,
    language_packages::GEM,
    binaries::GO_BUILD,
    grep::GREP,
    accounts::GROUP,
    accounts::GROUPS,
    image::IMAGE,
    inetd_conf::INETD_CONF,
    key_values::INI,
    network::INTERFACE,
    network::INTERFACES,
    language_packages::JAR,
    documents::JSON,
    kernel_module::KERNEL_MODULE,
    kernel_parameter::KERNEL_PARAMETER,
    keys::KEY_RSA,
    limits::LIMITS,
    word_files::LIMITS_CONF,
    key_values::LOGIN_DEFS,
    mail_alias::MAIL_ALIAS,
    mounts::MOUNT,
    mounts::MOUNTS,
    mysql_conf::MYSQL_CONF,
    web_servers::NGINX_CONF,
    language_packages::NPM,
    time_servers::NTP_CONF,
    home_files::ORACLEDB_LISTENER_CONF,
    os::OS,
    os_env::OS_ENV,
    package::PACKAGE,
    package_files::PACKAGE_FILES,
    package::PACKAGES,
    pam::PAM,
    key_values::PARSE_CONFIG,
    key_values::PARSE_CONFIG_FILE,
    accounts::PASSWD,
    language_packages::PIP,
    ports::PORT,
    ports::PORTS,
    key_values::POSTFIX_CONF,
    postgres::POSTGRES_CONF,
    postgres::POSTGRES_HBA_CONF,
    postgres::POSTGRES_IDENT_CONF,
    processes::PROCESSES,
    network::ROUTING_TABLE,
    system_state::SELINUX,
    service::SERVICE,
    accounts::SHADOW,
    ssh_config::SSH_CONFIG,
    keys::SSH_KEY,
    sshd_config::SSHD_CONFIG,
    sudoers::SUDO_DEFAULTS,
    sudoers::SUDOERS,
    sys_info::SYS_INFO,
    system_state::TIMEZONE,
    documents::TOML,
    accounts::USER,
    accounts::USERS,
    system_state::VIRTUALIZATION,
    x509_certificate::X509_CERTIFICATE,
    keys::X509_PRIVATE_KEY,
    xinetd_conf::XINETD_CONF,
    documents::XML,
    documents::YAML,
    repositories::YUM,
];

/// The resource of a name.
pub fn resource(name: &str) -> Option<&'static Resource> {
    REGISTRY.iter().find(|resource| resource.name == name)
}

/// What resources read when they are given no path, where their label does not tell.
const DEFAULT_PATHS: [(&str, &str); 10] = [
    ("aide_conf", "/etc/aide.conf"),
    ("auditd_conf", "/etc/audit/auditd.conf"),
    ("chrony_conf", "/etc/chrony.conf"),
    ("inetd_conf", "/etc/inetd.conf"),
    ("login_defs", "/etc/login.defs"),
    ("mail_alias", "/etc/aliases"),
    ("ntp_conf", "/etc/ntp.conf"),
    ("postfix_conf", "/etc/postfix/main.cf"),
    ("ssh_config", "/etc/ssh/ssh_config"),
    ("sshd_config", "/etc/ssh/sshd_config"),
];

impl Resource {
    /// The file that it reads when it is given no path.
    pub fn default_path(&self) -> Option<&'static str> {
        match self.label {
            Label::Path(path) => Some(path),
            _ => DEFAULT_PATHS.iter().find(|(name, _)| *name == self.name).map(|(_, path)| *path),
        }
    }

    /// The property or column of a name.
    pub fn property(&self, name: &str) -> Option<&'static Property> {
        let named = |properties: &'static [Property]| properties.iter().find(|property| property.is(name));
        match &self.shape {
            Shape::Object { properties, .. } => named(properties),
            Shape::Table { columns, .. } => named(columns.fixed()),
            Shape::Walk | Shape::Document { .. } => self.properties().into_iter().find(|property| property.is(name)),
        }
    }

    /// The properties of an object, or the columns that a table always has.
    pub fn properties(&self) -> Vec<&'static Property> {
        match &self.shape {
            Shape::Object { properties, .. } => properties.iter().collect(),
            Shape::Table { columns: Columns::Fixed(columns) | Columns::AndGroups(columns), .. } => {
                columns.iter().collect()
            }
            Shape::Walk => {
                let others = file::PROPERTIES
                    .iter()
                    .filter(|property| !matches!(property.name, "exist" | "path" | "source_path"));
                std::iter::once(&find::PATH).chain(others).collect()
            }
            Shape::Document { .. } => Vec::new(),
        }
    }
}
