//! `processes`: the processes of the target. A root filesystem alone has none, so this scan cannot ask; a profile may.

use crate::resource::{Columns, Label, NoAnswer, Property, Resource, Shape, Type};

pub(super) const PROCESSES: Resource = Resource {
    name: "processes",
    summary: "The processes of a live target; a target at rest has none to ask.",
    label: Label::Alone("Processes"),
    arguments: &[],
    one_of: &[],
    shape: Shape::Table {
        columns: Columns::Fixed(COLUMNS),
        read: |_, _| Err(NoAnswer::Unanswerable("no process of the target is there to look at".to_owned())),
    },
};

const COLUMNS: &[Property] = &[
    Property::new("pid", Type::Int, "Number of the process.").plural("pids"),
    Property::new("user", Type::Text, "Name of its user by the target's /etc/passwd.").plural("users"),
    Property::new("uid", Type::Int, "Number of its user.").plural("uids"),
    Property::new("gid", Type::Int, "Number of its group.").plural("gids"),
    Property::new("command", Type::Text, "Its command line.").plural("commands"),
    Property::new("capabilities", Type::Texts, "Its effective capabilities by name."),
    Property::new("no_new_privs", Type::Bool, "It cannot gain rights by executing a file."),
];
