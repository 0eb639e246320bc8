//! Resources that InSpec has and this registry has not, under their names: what asks the same here, or why nothing does.

/// Names of InSpec, and what to write instead.
pub static INSPEC_NAMES: &[(&[&str], &str)] = &[
    (&["apache", "cassandra", "mysql", "nginx", "oracledb", "postgres"], A_SERVER),
    (&["audit_policy", "iis_app", "iis_app_pool", "iis_site", "oneget", "registry_key"], NOT_LINUX),
    (&["security_identifier", "security_policy", "windows_feature", "windows_firewall"], NOT_LINUX),
    (&["windows_firewall_rule", "windows_hotfix", "windows_task", "wmi", "chocolatey_package"], NOT_LINUX),
    (&["auditd", "linux_audit_system"], "the kernel's rules are the host's; `grep` reads those of /etc/audit"),
    (&["bash", "command", "ksh", "powershell", "script", "vbscript"], RUNS_NOTHING),
    (&["bond", "bridge", "lxc", "usbguard", "zfs_dataset", "zfs_pool"], OF_THE_HOST),
    (
        &["bsd_service", "launchd_service", "runit_service", "systemd_service", "sysv_service", "upstart_service"],
        SERVICE,
    ),
    (&["cassandradb_session", "mongodb_session", "mssql_session", "mysql_session", "oracledb_session"], NO_SESSION),
    (&["postgres_session", "sybase_session", "ibmdb2_session"], NO_SESSION),
    (&["cron"], "`crontab`"),
    (&["default_gateway"], "`routing_table`, where `prefix_length` is 0"),
    (&["docker", "docker_container", "docker_image", "docker_plugin", "docker_service"], NO_ENGINE),
    (&["podman", "podman_container", "podman_image"], NO_ENGINE),
    (&["etc_group"], "`groups`, a table, or `group`"),
    (&["firewalld", "ip6tables", "ipfilter", "ipnat", "iptables", "nftables"], OF_THE_HOST),
    (&["grub_conf"], "a container is not booted; `grep` reads the file where there is one"),
    (&["host", "http", "ssl"], "the network is not asked; `port` tells what listens in a running container"),
    (&["json_schema", "mongodb_conf"], "`yaml` and `json` with the path of the file"),
    (&["kernel_parameters"], "`kernel_parameter`, one for each name"),
    (&["linux_kernel_parameter"], "`kernel_parameter`"),
    (&["opa_api", "opa_cli"], "no other engine of policies is asked"),
    (&["php_config"], "`ini` with the path of php.ini"),
    (&["platform"], "`os`; `supports` of a profile says for which systems it is"),
    (&["ppa"], "`apt`"),
    (&["rabbitmq_config"], "`grep` with the path of the file"),
    (&["sshd_active_config"], "`sshd_config` with the path that sshd was started with"),
];

const A_SERVER: &str = "its configuration (`apache_conf`, `cassandradb_conf`, `mysql_conf`, `nginx_conf`, `oracledb_listener_conf`, \
     `postgres_conf`), `package` and `processes`";
const NO_ENGINE: &str =
    "no engine is asked; `image`, `processes`, `mounts` and `cgroup` tell how the container is made and runs";
const NO_SESSION: &str =
    "no server is spoken to; its configuration is in files (`mysql_conf`, `postgres_conf` …), the rest is `manual`";
const NOT_LINUX: &str = "of Windows; assay audits Linux containers";
const OF_THE_HOST: &str = "the host's, not the container's: ask there, or `manual`";
const RUNS_NOTHING: &str = "nothing is run in the target; `file`, `find`, `grep`, `package`, `processes` and others ask what such \
     commands mostly tell, the rest is `manual`";
const SERVICE: &str = "`service`, which reads the files of systemd and init";

/// What to write instead of a resource of InSpec's that is not here.
pub fn instead_of(name: &str) -> Option<&'static str> {
    INSPEC_NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::resource;

    #[test]
    fn what_is_named_instead_is_there() {
        for (names, instead) in INSPEC_NAMES {
            for name in *names {
                assert!(resource(name).is_none(), "{name} is here");
            }
            for word in instead.split('`').skip(1).step_by(2) {
                let known = resource(word).is_some_and(|resource| resource.name == word);
                assert!(known || ["manual", "prefix_length", "supports"].contains(&word), "{word} is not here");
            }
        }
    }
}
