//! `mail_alias`: where the mail of a name goes.

use crate::parse::mail_aliases::aliases;
use crate::resource::aide_conf::first_of;
use crate::resource::lines::place;
use crate::resource::{
    Argument, Arguments, Asked, Context, Label, NoAnswer, Object, Property, Resource, Shape, Takes, Type,
};
use crate::value::{Value, lossless};

pub(super) const MAIL_ALIAS: Resource = Resource {
    name: "mail_alias",
    summary: "An alias of /etc/aliases.",
    label: Label::WithArgument("mail_alias"),
    arguments: &[
        Argument { name: "name", takes: Takes::Text, summary: "The name; its case does not count.", required: true },
        Argument {
            name: "path",
            takes: Takes::Path,
            summary: "By default /etc/aliases, or /etc/mail/aliases.",
            required: false,
        },
    ],
    one_of: &[],
    shape: Shape::Object { properties: PROPERTIES, open },
};

const PROPERTIES: &[Property] = &[
    Property::new("exist", Type::Bool, "There is an alias of this name.").existence(),
    Property::new("aliased_to", Type::Texts, "Addresses, |command, /file and :include:/list, without quotes."),
];

fn open(context: &Context, arguments: &Arguments) -> Asked<Object> {
    let (path, content) = first_of(context, arguments, &[b"/etc/aliases", b"/etc/mail/aliases"])?;
    let name = arguments.text("name").unwrap_or_default().to_ascii_lowercase();
    let all = aliases(&content).map_err(|error| NoAnswer::parse(&path, &error))?;
    let mut found = all.iter().filter(|alias| alias.name == name);
    let Some(first) = found.next() else {
        return Err(NoAnswer::Missing(format!("{} has no alias {}", lossless(&path), lossless(&name))));
    };
    if let Some(other) = found.find(|other| other.targets != first.targets) {
        let (first, other) = (place(&path, first.line), other.line);
        return Err(NoAnswer::Error(format!("{first}: {} stands in line {other} again", lossless(&name))));
    }
    let targets = Value::texts(&first.targets);
    Ok(Object::Facts(vec![("exist", Value::Bool(true)), ("aliased_to", targets)]))
}
