//! Documents are parsed once, however many checks look into them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::resource::{Arguments, Asked, Context};
use crate::value::Value;

/// How many documents are kept for later checks.
const MAX_KEPT: usize = 32;

/// How much room the documents that are kept may take together, about.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// How a resource reads a document.
type Read = fn(&Context, &Arguments) -> Asked<Value>;
/// A document, and how much room it takes.
type Slot = Arc<OnceLock<(Asked<Arc<Value>>, usize)>>;

/// Documents by resource and arguments, the oldest first.
#[derive(Default)]
pub(super) struct Documents(Mutex<(HashMap<String, Slot>, VecDeque<String>)>);

impl Documents {
    /// The document that a resource reads with these arguments.
    pub(super) fn get(
        &self,
        context: &Context,
        resource: &str,
        arguments: &Arguments,
        read: Read,
    ) -> Asked<Arc<Value>> {
        let key = format!("{resource} {arguments:?}");
        let slot = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (slots, order) = &mut *kept;
            match slots.get(&key) {
                Some(slot) => Arc::clone(slot),
                None => {
                    if order.len() == MAX_KEPT
                        && let Some(oldest) = order.pop_front()
                    {
                        slots.remove(&oldest);
                    }
                    let slot = Slot::default();
                    slots.insert(key.clone(), Arc::clone(&slot));
                    order.push_back(key);
                    slot
                }
            }
        };
        let mut is_new = false;
        let (answer, _) = slot.get_or_init(|| {
            is_new = true;
            let answer = read(context, arguments).map(Arc::new);
            let size = answer.as_ref().map_or(0, |document| size_of_value(document));
            (answer, size)
        });
        if is_new {
            self.forget_old();
        }
        answer.clone()
    }

    /// Forgets the oldest documents until the others, or the last one, have room; those in use live on with the checks that use them.
    fn forget_old(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (slots, order) = &mut *kept;
        let size = |slot: &Slot| slot.get().map_or(0, |(_, size)| *size);
        let mut whole: usize = slots.values().map(size).sum();
        while whole > MAX_KEPT_BYTES
            && order.len() > 1
            && let Some(oldest) = order.pop_front()
        {
            whole -= slots.remove(&oldest).as_ref().map_or(0, size);
        }
    }
}

/// How much room a value takes, about: itself, and what it points to.
fn size_of_value(value: &Value) -> usize {
    let inside = match value {
        Value::Text(text) => text.len() + 32,
        Value::List(items) => items.iter().map(size_of_value).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| key.len() + 48 + size_of_value(value)).sum(),
        _ => 0,
    };
    size_of::<Value>() + inside
}
