//! Documents are parsed once, however many checks look into them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::resource::{Arguments, Asked, Context};
use crate::value::Value;

/// How many documents are kept for later checks.
const MAX_KEPT: usize = 32;

/// How a resource reads a document.
type Read = fn(&Context, &Arguments) -> Asked<Value>;
type Slot = Arc<OnceLock<Asked<Arc<Value>>>>;

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
        slot.get_or_init(|| read(context, arguments).map(Arc::new)).clone()
    }
}
