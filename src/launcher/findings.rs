//! What preflight found, item by item, and what follows for each way. Pure.

use serde_json::{Value as Json, json};

use crate::launcher::approach::Way;
use crate::launcher::columns::row;
use crate::report::harmless_line;

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is as it should be.
    Ok,
    /// It could not be established, which is not the same as good.
    Unknown,
    /// It is not there.
    Missing,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Unknown => "unknown",
            State::Missing => "missing",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub next: Option<String>,
    /// The ways that cannot do without it.
    pub ways: Vec<Way>,
}

impl Item {
    /// An item that these ways need.
    pub fn new(name: impl Into<String>, state: State, seen: impl Into<String>, ways: &[Way]) -> Item {
        Item { name: name.into(), state, seen: seen.into(), next: None, ways: ways.to_vec() }
    }

    /// With what to do.
    pub fn with_next(mut self, next: impl Into<String>) -> Item {
        self.next = Some(next.into());
        self
    }
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The server's address.
    pub server: String,
    /// Who asks, where the server told.
    pub user: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The pod, and the container of it that was meant.
    pub pod: Option<(String, Option<String>)>,
    /// The items.
    pub items: Vec<Item>,
    /// The ways that come into question, in the order in which they are tried.
    pub ways: Vec<Way>,
}

/// What follows for one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The way.
    pub way: Way,
    /// The worst of what it needs.
    pub state: State,
    /// The items that stand against it.
    pub against: Vec<String>,
}

impl Findings {
    /// What follows for each way: it would do where all that it needs is there.
    pub fn judged(&self) -> Vec<Judged> {
        let judge = |way: &Way| {
            let needed = || self.items.iter().filter(|item| item.ways.contains(way));
            let state = needed().map(|item| item.state).max().unwrap_or(State::Unknown);
            let bad = needed().filter(|item| item.state == state && state != State::Ok);
            Judged { way: *way, state, against: bad.map(|item| item.name.clone()).collect() }
        };
        self.ways.iter().map(judge).collect()
    }

    /// The first way that would do.
    pub fn first(&self) -> Option<Way> {
        self.judged().iter().find(|judged| judged.state == State::Ok).map(|judged| judged.way)
    }

    /// For a terminal.
    pub fn table(&self) -> String {
        const STATE: usize = 7;
        const NAME: usize = 34;
        const SEEN: usize = 55;
        let line = |state: &str, name: &str, seen: &str| {
            row(&[(state, STATE), (&harmless_line(name), NAME), (&harmless_line(seen), SEEN)])
        };
        let mut out = format!("{}\n\n", harmless_line(&self.about()));
        out.push_str(&line("STATE", "ITEM", "WHAT WAS SEEN"));
        for item in &self.items {
            out.push_str(&line(item.state.name(), &item.name, &item.seen));
            if let Some(next) = &item.next {
                out.push_str(&line("", "", &format!("next: {next}")));
            }
        }
        out.push('\n');
        out.push_str(&line("STATE", "WAY", "WHY"));
        for judged in self.judged() {
            let why = match judged.state {
                State::Ok => "all that it needs is there".to_owned(),
                State::Unknown | State::Missing => judged.against.join("; "),
            };
            out.push_str(&line(judged.state.name(), judged.way.name(), &why));
        }
        out.push('\n');
        out.push_str(&match self.first() {
            Some(way) if self.pod.is_some() => format!("a scan would do by {}\n", way.name()),
            Some(way) => {
                format!("scans would do by {}; kubectl assay preflight POD looks at one container\n", way.name())
            }
            None => "no way is known to do\n".to_owned(),
        });
        out
    }

    fn about(&self) -> String {
        let mut about = format!("cluster {}, namespace {}", self.server, self.namespace);
        if let Some((pod, container)) = &self.pod {
            about.push_str(&format!(", pod {pod}"));
            if let Some(container) = container {
                about.push_str(&format!(", container {container}"));
            }
        }
        if let Some(user) = &self.user {
            about.push_str(&format!(", as {user}"));
        }
        about
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let names = |ways: &[Way]| ways.iter().map(|way| way.name()).collect::<Vec<_>>();
        let items = self.items.iter().map(|item| {
            json!({
                "item": item.name,
                "state": item.state.name(),
                "seen": item.seen,
                "next": item.next,
                "ways": names(&item.ways),
            })
        });
        let ways = self
            .judged()
            .into_iter()
            .map(|judged| json!({ "way": judged.way.name(), "state": judged.state.name(), "against": judged.against }));
        let (pod, container) = self.pod.clone().unzip();
        json!({
            "server": self.server,
            "user": self.user,
            "namespace": self.namespace,
            "pod": pod,
            "container": container.flatten(),
            "items": items.collect::<Vec<_>>(),
            "ways": ways.collect::<Vec<_>>(),
            "would_do_by": self.first().map(Way::name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(items: Vec<Item>) -> Findings {
        Findings {
            server: "https://c".to_owned(),
            user: None,
            namespace: "n".to_owned(),
            pod: None,
            items,
            ways: Way::AUTO.to_vec(),
        }
    }

    #[test]
    fn a_way_is_as_good_as_the_worst_that_it_needs() {
        let found = findings(vec![
            Item::new("all", State::Ok, "", &Way::ALL),
            Item::new("a", State::Unknown, "", &[Way::Debug, Way::Exec]),
            Item::new("b", State::Missing, "", &[Way::Debug]),
            Item::new("c", State::Missing, "", &[]),
        ]);
        let judged: Vec<_> =
            found.judged().into_iter().map(|judged| (judged.state, judged.against.join(","))).collect();
        assert_eq!(
            judged,
            [(State::Missing, "b".to_owned()), (State::Ok, String::new()), (State::Unknown, "a".to_owned())]
        );
        assert_eq!(found.first(), Some(Way::Image));
    }

    #[test]
    fn what_was_not_looked_at_is_not_good() {
        assert_eq!(findings(Vec::new()).first(), None);
    }

    #[test]
    fn a_server_gives_no_orders_to_terminals() {
        let found = findings(vec![Item::new("a", State::Ok, "\u{1b}[2J", &Way::ALL)]);
        assert!(!found.table().contains('\u{1b}'));
    }
}
