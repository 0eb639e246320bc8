//! Configurations of servers by nginx, apache2 and my_print_defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use assay::parse::directives::apache_words;
use assay::resource::{Shape, resource};
use assay::value::{Value, lossless};

use crate::fixture::{Scratch, skipped};
use crate::{arguments, context};

/// What nginx says of a configuration: whether it takes it, what it prints, what it complains of. Nothing where there is none.
fn nginx(main: &Path) -> Option<(bool, String, String)> {
    let mut nginx = Command::new("nginx");
    nginx.args(["-q", "-T", "-e", "stderr", "-c"]).arg(main).env("LC_ALL", "C");
    // The installed one knows where its modules are.
    if !main.starts_with("/etc/nginx") {
        nginx.arg("-p").arg(main.parent().unwrap());
    }
    let Ok(output) = nginx.output() else {
        skipped("nginx_conf", "nginx");
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

/// The words of a file of nginx, `;`, `{` and `}` among them: a reading for files without escapes.
fn nginx_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut chars) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(char) = chars.next() {
        match char {
            '"' | '\'' if word.is_empty() => words.push(chars.by_ref().take_while(|inner| *inner != char).collect()),
            '#' if word.is_empty() => while chars.next_if(|inner| *inner != '\n').is_some() {},
            ' ' | '\t' | '\r' | '\n' | ';' | '{' | '}' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                words.extend(Some(char.to_string()).filter(|_| !char.is_whitespace()));
            }
            _ => word.push(char),
        }
    }
    words
}

/// What nginx prints, as the resource should have it: name, value, context, whether a block begins, file.
struct Printed<'a> {
    files: Vec<(&'a str, Vec<String>)>,
    folder: &'a str,
    rows: Vec<[String; 5]>,
}

impl Printed<'_> {
    fn file(&mut self, path: &str, blocks: &mut Vec<String>) {
        let words = self.files.iter().find(|(name, _)| *name == path).unwrap().1.clone();
        let mut statement: Vec<String> = Vec::new();
        for word in words {
            match word.as_str() {
                "}" => drop(blocks.pop()),
                ";" | "{" => {
                    let (name, value) = (statement[0].to_string(), statement[1..].join(" "));
                    let (context, is_block) = (blocks.join("/"), word == "{");
                    self.rows.push([name.clone(), value.clone(), context, is_block.to_string(), path.to_owned()]);
                    if is_block {
                        blocks.push(name);
                    } else if name == "include" {
                        for file in self.included(&value) {
                            self.file(&file, blocks);
                        }
                    }
                    statement.clear();
                }
                _ => statement.push(word),
            }
        }
    }

    /// Of the files that nginx read, those that a word with at most one star means.
    fn included(&self, word: &str) -> Vec<String> {
        let whole = if word.starts_with('/') { word.to_owned() } else { format!("{}/{word}", self.folder) };
        let (before, after) = whole.split_once('*').unwrap_or((&whole, ""));
        let is_meant = |path: &str| {
            let rest = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            rest.is_some_and(|rest| !rest.contains('/') && (whole.contains('*') || rest.is_empty()))
        };
        let mut found: Vec<String> =
            self.files.iter().map(|(path, _)| (*path).to_owned()).filter(|path| is_meant(path)).collect();
        found.sort();
        found
    }
}

/// The columns name, value, context, section and path, and where each row stands.
fn nginx_rows(main: &str) -> Result<Vec<[String; 5]>, String> {
    let Shape::Table { read, .. } = resource("nginx_conf").unwrap().shape else { panic!("nginx_conf is no table") };
    let table =
        read(&context(Path::new("/")), &arguments(&[("path", main)])).map_err(|error| error.text().to_owned())?;
    let names = ["name", "value", "context", "section", "path"];
    let properties = resource("nginx_conf").unwrap().properties();
    let places = names.map(|name| properties.iter().position(|property| property.name == name).unwrap());
    Ok(table.rows.iter().map(|row| places.map(|place| row.cells[place].as_ref().unwrap().plain())).collect())
}

fn same_as_nginx(main: &Path) -> Option<usize> {
    let (is_good, printed, said) = nginx(main)?;
    assert!(is_good, "{}: {said}", main.display());
    let mark = "# configuration file ";
    let files = printed.split(mark).skip(1).map(|file| {
        let (path, text) = file.split_once(":\n").unwrap();
        (path, nginx_words(text))
    });
    let (folder, path) = (main.parent().unwrap().to_str().unwrap(), main.to_str().unwrap());
    let mut wanted = Printed { files: files.collect(), folder, rows: Vec::new() };
    wanted.file(path, &mut Vec::new());
    assert_eq!(nginx_rows(path).unwrap(), wanted.rows, "{path}");
    let mut read: Vec<&String> = wanted.rows.iter().map(|row| &row[4]).collect();
    read.sort();
    read.dedup();
    let with_words: Vec<&str> = wanted.files.iter().filter(|file| !file.1.is_empty()).map(|file| file.0).collect();
    assert_eq!(read.len(), with_words.len(), "{with_words:?}");
    Some(wanted.rows.len())
}

#[test]
fn nginx_prints_the_same_directives() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|name| format!("{name}_temp_path {}/{name};\n", here.display())).collect();
    let main = scratch.write(
        "nginx.conf",
        format!(
            "# the main file\npid {0}/pid; worker_processes  2 ;\ninclude modules/*.conf;\nevents{{worker_connections 64;}}\n\
             http {{\n{temporary}access_log off; # here; too {{\n  include mime.types;\n  include {0}/conf.d/*.conf;\n  \
             include none/*.conf;\n  log_format main '$remote_addr [$time_local] \"$request\" '\n     \"$status; {{}}\";\n  \
             map $http_upgrade $up {{ default upgrade; '' close; }}\n  \
             server {{\n    listen 127.0.0.1:8080 default_server;include snippets/tls.conf;\n    \
             location ~ \\.php$ {{ return 403; }}\n    location = /a {{\n      if ($request_method = POST) {{ return 405; }}\n      \
             limit_except GET {{ deny all; }}\n    }}\n  }}\n}}\n",
            here.display()
        ),
    );
    scratch.write("modules/empty.conf", "# nothing\n");
    scratch.write("modules/env.conf", "env TZ;\r\n");
    scratch.write("mime.types", "types {\n  text/css   css;\n  image/svg+xml  svg svgz;\n}\n");
    scratch.write("conf.d/10-b.conf", "server { listen 127.0.0.1:8081; include snippets/tls.conf; }\n");
    scratch.write("conf.d/9-a.conf", "upstream u { server 127.0.0.1:9 max_fails=3; }\nserver_tokens off;");
    scratch.write("conf.d/.hidden.conf", "sendfile on;\n");
    scratch.write("conf.d/other.txt", "sendfile on;\n");
    scratch.write("snippets/tls.conf", "ssl_protocols TLSv1.2\tTLSv1.3;\nadd_header X-A \"a b\" always;\n");
    let main = fs::canonicalize(main).unwrap();
    let Some(rows) = same_as_nginx(&main) else { return };
    println!("{rows} directives of our own");
    // The one that the package brings, where it is installed.
    let installed = Path::new("/etc/nginx/nginx.conf");
    if installed.is_file() {
        println!("{} directives of {}", same_as_nginx(installed).unwrap(), installed.display());
    }
}

/// A word that `daemon` does not take is shown in nginx's complaint, as nginx understood it.
#[test]
fn nginx_understands_words_alike() {
    let scratch = Scratch::new();
    let main = fs::canonicalize(&scratch.0).unwrap().join("nginx.conf");
    let words = [
        r#""a b""#,
        r#"'a b'"#,
        r#""""#,
        r#""a\"b""#,
        r#"'a\'b'"#,
        r#"'a"b'"#,
        r#"a"b"#,
        r#"a'b'c"#,
        r#"a\ b"#,
        r#"a\;b"#,
        r#"a\{b"#,
        r#"a\\b"#,
        r#""a\\b""#,
        r#""a\tb\rc\nd""#,
        r#"a\tb"#,
        r#"'\q'"#,
        r#"\q"#,
        r#"a#b"#,
        r#""a#b""#,
        r#"a}b"#,
        r#""{a;b}""#,
        r#"${a}b"#,
        r#"a${b}"#,
        r#"$a"#,
        r#""${a}""#,
        r#"\$a"#,
        r#"a$"#,
        r#"(a)"#,
        r#"/a=b?c&d"#,
        "\"a\nb\"",
        "a\\\nb",
        "'\\\nb'",
        "\u{e9}",
    ];
    for word in words {
        fs::write(&main, format!("daemon {word};\nevents {{}}\n")).unwrap();
        let Some((_, _, said)) = nginx(&main) else { return };
        let after = said.split_once("invalid value \"").unwrap_or_else(|| panic!("{word}: {said}")).1;
        let wanted = after.rsplit_once("\" in \"daemon\" directive").unwrap().0;
        let found = nginx_rows(main.to_str().unwrap()).unwrap();
        assert_eq!(found[0][..2], ["daemon".to_owned(), lossless(wanted.as_bytes())], "{word}");
        assert_eq!(found.len(), 2, "{word}");
    }
}

#[test]
fn what_nginx_does_not_read_is_an_error() {
    let scratch = Scratch::new();
    let main = fs::canonicalize(&scratch.0).unwrap().join("nginx.conf");
    let broken = [
        "daemon on",
        "events {",
        "events {} }",
        "events {}\n;",
        "{}",
        "daemon on }",
        "daemon \"on;",
        "daemon 'on;\nevents {}",
        "daemon on; events {} include none.conf;",
        "events {}\ndaemon \"on\"x;",
        "daemon 'on'\"\"; events {}",
        "events {}\ninclude nginx.conf;",
        "daemon \"on\"}",
        "events {} daemon a\\${b};",
        "daemon on\\",
        "events {}\ninclude \"\";",
    ];
    for text in broken {
        fs::write(&main, text).unwrap();
        let Some((is_good, _, said)) = nginx(&main) else { return };
        assert!(!is_good && said.contains(" test failed"), "{text}: nginx takes it: {said}");
        let found = nginx_rows(main.to_str().unwrap());
        assert!(found.is_err(), "{text}: {said}\n{found:?}");
    }
}

/// What MariaDB's own program takes of [mysqld] in an option file, the last value of each option; why it takes nothing.
fn printed_defaults(main: &Path) -> Option<Result<BTreeMap<String, String>, String>> {
    let mut file = std::ffi::OsString::from("--defaults-file=");
    file.push(main);
    let Ok(output) = Command::new("my_print_defaults").arg(file).arg("mysqld").env("LC_ALL", "C").output() else {
        skipped("mysql_conf", "my_print_defaults");
        return None;
    };
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let options = said.lines().map(|line| {
        let (name, value) = line.strip_prefix("--").unwrap().split_once('=').unwrap_or((&line[2..], ""));
        (name.replace('-', "_"), value.to_owned())
    });
    Some(Ok(options.collect()))
}

/// The same by mysql_conf.
fn mysql_options(main: &Path) -> Result<BTreeMap<String, String>, String> {
    let Shape::Document { read, .. } = resource("mysql_conf").unwrap().shape else { panic!("no document") };
    let path = main.to_str().unwrap();
    let found =
        read(&context(Path::new("/")), &arguments(&[("path", path)])).map_err(|error| error.text().to_owned())?;
    let Value::Map(groups) = found else { panic!("{found:?}") };
    let server = groups.into_iter().find(|(name, _)| **name == *b"mysqld");
    let Some((_, Value::Map(options))) = server else { return Ok(BTreeMap::new()) };
    let options = options.iter().map(|(name, value)| (lossless(name).replace('-', "_"), value.plain()));
    Ok(options.collect())
}

#[test]
fn mariadb_takes_the_same_options() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let main = here.join("my.cnf");
    let texts = [
        "[MySQLd]\na=b#c\nb='x # y' # z\nc=\"a\" \"b\"\nd='a'b\ne=a\\sb\\\\n\\q\\\"\nf = \"unterminated # x\n g   \n",
        "[mysqld ]\nh='a\\'b # c' # d\ni==x\n j = \nk=\\\n[ mysqld]\nl=1\n[mysqld,server]\nm=1\n[mysqld]x\nn=1\n[client]\no=1\n",
        "# c\n; c\n\n[mysqld]\r\na-b_c = 1\r\n\tx y = \t2 # c\r\na_b-c=3",
        "[mysqld]\n!include HERE/b.cnf\nafter=1\n! include HERE/b.cnf\n!includeX foo\n!whatever\nafter=2\n",
        "[mysqld]\na=1\n!includedir HERE/folder\na=2\n",
        "[mysqld]\na='\nb=''\nc=\"'\nd='\"'\ne=\\'x\\'\nf='x\\\\'\ng='x\\' #\n",
    ];
    scratch.write("b.cnf", "[mysqld]\nb=1\n[client]\nc=1\n");
    for (name, value) in
        [(".h.cnf", 1), (".cnf", 2), ("U.CNF", 3), ("b.cnf", 4), ("B.cnf", 5), ("x.cnf.bak", 6), ("x.y.cnf", 7)]
    {
        scratch.write(&format!("folder/{name}"), format!("[mysqld]\nfile={value}\nfile_{value}=1\n"));
    }
    for text in texts {
        fs::write(&main, text.replace("HERE", here.to_str().unwrap())).unwrap();
        let Some(wanted) = printed_defaults(&main) else { return };
        assert_eq!(mysql_options(&main), wanted, "{text}");
    }
    // What the program refuses; what it reads otherwise than it is written, which is refused here.
    let long = format!("[mysqld]\na={}\n", "x".repeat(4093));
    let broken =
        ["[mysqld\n", "a=1\n", "[mysqld]\n!include\n", "[mysqld]\n!includedir HERE/none\n", "\u{feff}[mysqld]\na=1\n"];
    let odd = ["[mysqld]\na=1\0b\n", "[mysqld]\n\u{b}a=1\n", &long, "[mysqld]\na=1\n!include HERE/b.cnf"];
    for (texts, is_taken) in [(&broken[..], false), (&odd, true)] {
        for text in texts {
            fs::write(&main, text.replace("HERE", here.to_str().unwrap())).unwrap();
            assert_eq!(printed_defaults(&main).unwrap().is_ok(), is_taken, "{text}");
            assert!(mysql_options(&main).is_err(), "{text}");
        }
    }
    // One byte less is one line.
    fs::write(&main, long.replacen('x', "", 1)).unwrap();
    assert_eq!(mysql_options(&main), printed_defaults(&main).unwrap());
}

/// What httpd takes of a configuration: sections around, name and arguments of each directive. Nothing without httpd.
fn apache(main: &Path) -> Option<Result<Vec<String>, String>> {
    let output =
        Command::new("apache2").arg("-f").arg(main).args(["-t", "-D", "DUMP_CONFIG"]).env("LC_ALL", "C").output();
    let Ok(output) = output else {
        skipped("apache_conf", "apache2");
        return None;
    };
    if !output.status.success() {
        return Some(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let (mut sections, mut rows) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&output.stdout).lines().map(str::trim) {
        if line.starts_with("</") {
            sections.pop();
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let section = line.strip_prefix('<').and_then(|line| line.strip_suffix('>'));
        let words = apache_words(1, section.unwrap_or(line).as_bytes()).unwrap();
        let words: Vec<String> = words.iter().map(|word| lossless(word)).collect();
        rows.push(format!("{}: {}", sections.join("/"), words.join("|")));
        sections.extend(section.map(|_| words[0].clone()));
    }
    Some(Ok(rows))
}

/// The same by apache_conf, without what httpd follows while it reads.
fn apache_rows(main: &Path) -> Result<Vec<String>, String> {
    let Shape::Table { read, .. } = resource("apache_conf").unwrap().shape else { panic!("no table") };
    let path = main.to_str().unwrap();
    let table =
        read(&context(Path::new("/")), &arguments(&[("path", path)])).map_err(|error| error.text().to_owned())?;
    let followed = ["define", "undefine", "include", "includeoptional", "loadmodule", "serverroot"];
    let is_followed = |name: &str| followed.contains(&&*name.to_lowercase()) || name.to_lowercase().starts_with("if");
    let rows = table.rows.iter().enumerate().map(|(number, row)| {
        assert_eq!(table.doubtful.get(&number), None);
        let text = |at: usize| row.cells[at].as_ref().unwrap().plain();
        let Ok(Value::List(arguments)) = &row.cells[1] else { panic!("{row:?}") };
        let words: Vec<String> = [text(0)].into_iter().chain(arguments.iter().map(Value::plain)).collect();
        let around = text(3);
        let around: Vec<&str> = around.split('/').filter(|name| !is_followed(name)).collect();
        (!is_followed(&words[0])).then(|| format!("{}: {}", around.join("/"), words.join("|")))
    });
    Ok(rows.flatten().collect())
}

#[test]
fn httpd_takes_the_same_directives() {
    let scratch = Scratch::new();
    let here = fs::canonicalize(&scratch.0).unwrap();
    let main = here.join("httpd.conf");
    let mut start =
        format!("ServerRoot {0}\nServerName x\nPidFile pid\nErrorLog err\nListen 127.0.0.1:18080\n", here.display());
    for name in ["mpm_event", "authz_core", "info", "version"] {
        start.push_str(&format!("<IfFile /usr/lib/apache2/modules/mod_{name}.so>\nLoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n</IfFile>\n"));
    }
    scratch.write("all/a.conf", "TraceEnable off\n");
    scratch.write("all/.hidden.conf", "ServerTokens Prod\n");
    scratch.write("all/b.txt", "ServerSignature on\n");
    scratch.write("all/in/c", "UseCanonicalName off");
    fs::create_dir_all(here.join("links")).unwrap();
    std::os::unix::fs::symlink("/nowhere", here.join("links/x.conf")).unwrap();
    let taken = [
        "Include all\n",
        "Include all/\nInclude \"all/*.conf\"\nInclude all/*\n",
        "IncludeOptional none.conf\nIncludeOptional none/*.conf\nIncludeOptional links/*.conf\nTraceEnable on\n",
        "<VirtualHost *:80>\n Include all/a.conf\n <Directory \"/a b\">\n AllowOverride None\n </Directory>\n</VirtualHost>\n",
        "TraceEnable \\\noff\nServerTokens Pr\\\nod\n# c \\\nServerSignature on\nUseCanonicalName \\\r\n  off\r\n",
        r#"ServerAdmin "a\"b"
ServerAdmin a\"b
ServerAdmin "a\\"
ServerAdmin a\\b
ServerAdmin "a\xb"
ServerAdmin "a b
ServerAdmin 'a "b'
"#,
        "Define A off\nDefine B \"${A} x\"\nTraceEnable ${A}\nServerAdmin \"${B}${\"\nDefine A on\nTraceEnable ${A}\n",
        "Define A all\nInclude ${A}/a.conf\n<Directory /${A}>\nDefine B /b\nAllowOverride None\n</Directory>\n<Directory ${B}>\nAllowOverride None\n</Directory>\n",
        "Define NAME TraceEnable\n${NAME} off\nDefine TWO \"a b\"\n<VirtualHost *:80>\nServerAlias ${TWO}\n</VirtualHost>\n",
        "<IfModule authz_core_module>\nTraceEnable off\n</IfModule>\n<ifmodule mod_authz_core.c>\nTraceEnable on\n</ifmodule>\n",
        "<IfModule !authz_core_module>\nTraceEnable off\n<Nonsense>\nInclude /nowhere\n</Nonsense>\n</IfModule>\n",
        "<IfModule mod_nonsense.c>\nNonsense\n</IfModule>\n<IfModule !nonsense_module>\nTraceEnable off\n</IfModule>\n",
        "Define X\n<IfDefine X>\nTraceEnable off\n<IfDefine !X>\nTraceEnable on\n</IfDefine>\n</IfDefine>\n",
        "<IfFile all/a.conf>\nTraceEnable off\n</IfFile>\n<IfFile /nowhere>\nTraceEnable on\n</IfFile>\n<IfFile !/nowhere>\nServerTokens Prod\n</IfFile>\n",
    ];
    for text in taken {
        fs::write(&main, format!("{start}{text}")).unwrap();
        let Some(wanted) = apache(&main) else { return };
        let wanted = wanted.unwrap_or_else(|said| panic!("{text}: {said}"));
        assert_eq!(apache_rows(&main).unwrap(), wanted, "{text}");
        assert!(wanted.len() >= 4, "{text}");
    }
    let refused = [
        "Include none.conf\n",
        "Include none*.conf\n",
        "Include none/*.conf\n",
        "Include links/*.conf\n",
        "Include all/a.conf all/b.txt\n",
        "Include\n",
        "<Directory /a>\n",
        "</Directory>\n",
        "<Directory /a>\n<Files b>\n</Directory>\n</Files>\n",
        "<Directory /a\n</Directory>\n",
        "<Directory /a>\n</Directory >\n",
        "Include httpd.conf\n",
        "Define X #\n<Directory ${X}\n",
    ];
    for text in refused {
        fs::write(&main, format!("{start}{text}")).unwrap();
        assert!(apache(&main).unwrap().is_err(), "{text}: httpd takes it");
        assert!(apache_rows(&main).is_err(), "{text}");
    }
    // httpd ends the line at a NUL, and takes this for a blank.
    for text in ["ServerAdmin a\0b\n", "ServerAdmin\u{b}a\n"] {
        fs::write(&main, format!("{start}{text}")).unwrap();
        assert!(apache(&main).unwrap().is_ok(), "{text}");
        assert!(apache_rows(&main).is_err(), "{text}");
    }
}
