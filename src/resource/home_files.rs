//! `cassandradb_conf` and `oracledb_listener_conf`: files of databases that lie below a home of their own.

use crate::parse::{oracle_net, structured};
use crate::resource::context::names_of;
use crate::resource::{Argument, Arguments, Asked, Context, Keys, Label, NoAnswer, Resource, Shape, Takes};
use crate::rootfs::{Glob, GlobPiece};
use crate::value::{Text, Value, lossless};

const fn argument(name: &'static str, summary: &'static str) -> Argument {
    Argument { name, takes: Takes::Path, summary, required: false }
}

pub(super) const CASSANDRADB_CONF: Resource = Resource {
    name: "cassandradb_conf",
    summary: "Values of cassandra.yaml, by path; what the command line says otherwise is not there. As Cassandra takes \
              them, yes and on are true, no and off false.",
    label: Label::WithArgument("Cassandra Configuration"),
    arguments: &[
        argument("path", "The file; by default the one in Debian's, Red Hat's or the official image's place."),
        argument("home", "Where Cassandra is installed: conf/cassandra.yaml below it."),
    ],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Data, read: cassandra },
};

pub(super) const ORACLEDB_LISTENER_CONF: Resource = Resource {
    name: "oracledb_listener_conf",
    summary: "Parameters of Oracle's listener.ora; their case does not count. A value in parentheses is a text without \
              blanks: (DESCRIPTION=(ADDRESS=(PROTOCOL=TCPS))).",
    label: Label::Alone("Oracle Listener Configuration"),
    arguments: &[
        argument("path", "The file; by default the one below /opt/oracle or /u01/app/oracle, or in /etc."),
        argument("home", "ORACLE_HOME: network/admin/listener.ora below it."),
    ],
    one_of: &[],
    shape: Shape::Document { keys: Keys::Text { sections: false, fold_case: true }, read: listener },
};

const CASSANDRA: [&str; 3] =
    ["/etc/cassandra/cassandra.yaml", "/etc/cassandra/conf/cassandra.yaml", "/opt/cassandra/conf/cassandra.yaml"];

const LISTENER: [&str; 5] = [
    "/opt/oracle/product/*/*/network/admin/listener.ora",
    "/opt/oracle/homes/*/network/admin/listener.ora",
    "/u01/app/oracle/product/*/*/network/admin/listener.ora",
    "/u01/app/oracle/homes/*/network/admin/listener.ora",
    "/etc/listener.ora",
];

/// The deepest that values lie in each other; documents are refused before.
const MAX_DEPTH: usize = 200;

fn cassandra(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let (path, content) = installed(context, arguments, "/conf/cassandra.yaml", &CASSANDRA)?;
    let mut value = structured::yaml(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
    with_booleans(&mut value, MAX_DEPTH);
    Ok(value)
}

/// Cassandra reads YAML 1.1, whose words of truth are more than those of 1.2.
fn with_booleans(value: &mut Value, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| with_booleans(item, depth)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, item)| with_booleans(item, depth)),
        Value::Text(text) => match text.to_ascii_lowercase().as_slice() {
            b"yes" | b"on" => *value = Value::Bool(true),
            b"no" | b"off" => *value = Value::Bool(false),
            _ => {}
        },
        _ => {}
    }
}

fn listener(context: &Context, arguments: &Arguments) -> Asked<Value> {
    let (path, content) = installed(context, arguments, "/network/admin/listener.ora", &LISTENER)?;
    let parameters = oracle_net::parameters(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
    Ok(match parameters {
        Value::Map(all) => {
            Value::Map(all.into_iter().map(|(name, value)| (Text::from(name.to_ascii_lowercase()), value)).collect())
        }
        other => other,
    })
}

/// The file at `path`, below `home`, or in one of the usual places.
///
/// Errors: it is in several, and not the same in all of them.
fn installed(context: &Context, arguments: &Arguments, below: &str, places: &[&str]) -> Asked<(Vec<u8>, Text)> {
    let globs: Result<Vec<Glob>, _> = match (arguments.text("path"), arguments.text("home")) {
        (Some(_), Some(_)) => return Err(NoAnswer::Error("a path or a home is expected, not both".to_owned())),
        (Some(path), None) => return Ok((path.to_vec(), context.read_behind_link(path)?)),
        (None, Some(home)) => Glob::of(&[GlobPiece::Literal(home), GlobPiece::Written(below)]).map(|glob| vec![glob]),
        (None, None) => places.iter().map(|place| Glob::new(place)).collect(),
    };
    let globs = globs.map_err(|error| NoAnswer::Error(error.to_string()))?;
    let mut first: Option<(Vec<u8>, Text)> = None;
    for (path, _) in context.expand_all(&globs)?.0 {
        let content = context.read_behind_link(&path)?;
        match &first {
            Some((known, before)) if *before != content => {
                let both = [known, &path].map(|path| lossless(path)).join(", ");
                return Err(NoAnswer::Error(format!("there are several: {both}; give the `path` of one")));
            }
            Some(_) => {}
            None => first = Some((path, content)),
        }
    }
    first.ok_or_else(|| NoAnswer::Missing(format!("Can't find file: {}", names_of(&globs))))
}
