//! `os`: which system the target says it is (os-release(5)).

use crate::parse::os_release;
use crate::parse::version::Scheme;
use crate::resource::{Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Type};
use crate::value::Value;

const NONE: &[Argument] = &[];

pub(super) const OS: Resource = Resource {
    name: "os",
    summary: "What os-release says of the target.",
    label: Label::Alone("os"),
    arguments: NONE,
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("name", Type::Text, "ID, in lower case: debian, alpine, rhel."),
    Property::new(
        "family",
        Type::Text,
        "The family that InSpec puts it in: debian, redhat, suse, alpine, arch, linux.",
    ),
    Property::new("release", Type::Version(Scheme::General), "VERSION_ID; nil for a rolling release."),
    Property::new("title", Type::Text, "PRETTY_NAME."),
    Property::new("codename", Type::Text, "VERSION_CODENAME."),
];

/// Where os-release(5) looks, in this order.
const PLACES: [&[u8]; 2] = [b"/etc/os-release", b"/usr/lib/os-release"];

/// Families by the ids that belong to them.
const FAMILIES: [(&str, &[&str]); 5] = [
    ("debian", &["debian", "ubuntu"]),
    ("redhat", &["rhel", "fedora", "centos", "rocky", "almalinux", "amzn", "ol"]),
    ("suse", &["suse", "sles", "opensuse", "opensuse-leap", "opensuse-tumbleweed"]),
    ("alpine", &["alpine", "wolfi", "chainguard"]),
    ("arch", &["arch"]),
];

fn open(context: &Context, _: &Arguments) -> Asked<Object> {
    let mut found = Err(NoAnswer::Missing("Can't find file: /etc/os-release, /usr/lib/os-release".to_owned()));
    for place in PLACES {
        match context.read(place) {
            Err(NoAnswer::Missing(_)) => {}
            text => {
                found = text.map(|text| (place, text));
                break;
            }
        }
    }
    let (place, text) = found?;
    let assignments = os_release::assignments(&text).map_err(|error| NoAnswer::parse(place, &error))?;
    let get = |key: &str| os_release::get(&assignments, key).filter(|value| !value.is_empty());
    let value = |key: &str| get(key).map_or(Value::Nil, Value::text);
    let id = get("ID").map(<[u8]>::to_ascii_lowercase);
    let like = get("ID_LIKE").unwrap_or_default().to_ascii_lowercase();
    let ids: Vec<&[u8]> = id.as_deref().into_iter().chain(like.split(u8::is_ascii_whitespace)).collect();
    let family =
        FAMILIES.iter().find(|(_, members)| ids.iter().any(|id| members.iter().any(|known| known.as_bytes() == *id)));
    Ok(Object::Facts(vec![
        ("name", id.as_deref().map_or(Value::Nil, Value::text)),
        ("family", Value::text(family.map_or("linux", |(family, _)| family))),
        ("release", value("VERSION_ID")),
        ("title", value("PRETTY_NAME")),
        ("codename", value("VERSION_CODENAME")),
    ]))
}

/// Which system a target says it is; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// Such as debian.
    pub name: String,
    /// Such as debian, also for ubuntu.
    pub family: String,
    /// Such as 12.
    pub release: String,
    /// Why nothing is known of it.
    pub unknown: Option<String>,
}

impl Platform {
    /// For a message.
    pub fn words(&self) -> String {
        match (self.name.as_str(), &self.unknown) {
            ("", None) => "a system that does not say its name".to_owned(),
            ("", Some(why)) => format!("an unknown system ({why})"),
            (name, _) => format!("{name} {}", self.release).trim_end().to_owned(),
        }
    }
}

/// Which system the target says it is.
pub fn platform(context: &Context) -> Platform {
    let facts = match open(context, &Arguments::default()) {
        Ok(Object::Facts(facts)) => facts,
        Ok(_) => Vec::new(),
        Err(why) => return Platform { unknown: Some(why.text().to_owned()), ..Platform::default() },
    };
    let get = |name: &str| {
        facts.iter().find(|(known, _)| *known == name).map_or_else(String::new, |(_, value)| value.plain())
    };
    Platform { name: get("name"), family: get("family"), release: get("release"), unknown: None }
}
