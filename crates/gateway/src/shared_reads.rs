//! The same read, asked by many at once, is sent once: a platform's limit counts each.
//!
//! One asks, and those who want the very same until it is sent, or at that moment, get its answer. Not later: an answer on its way may be
//! from before a write that a later caller knows of. For the same reason nobody joins a read over which a write of the same account went.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use integration::Request;
use tokio::sync::oneshot;

/// So long after it was sent a read can still be joined: "at once", and far less than a write takes.
const AT_ONCE: Duration = Duration::from_millis(20);

/// The reads of an account that can be joined.
#[derive(Debug, Default)]
pub(crate) struct SharedReads(Mutex<HashMap<String, Arc<Group>>>);

/// Those who want the same.
#[derive(Debug, Default)]
struct Group(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    sent: Option<Instant>,
    is_closed: bool,
    followers: Vec<oneshot::Sender<Shared>>,
}

/// An answer for several callers.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What one who reads is to do.
pub(crate) enum Part {
    /// To send it.
    Lead(Lead),
    /// To wait for another's answer; an error when there is none to share.
    Follow(oneshot::Receiver<Shared>),
}

/// A read that others may join. Dropped, those who did ask for themselves.
#[derive(Debug)]
pub(crate) struct Lead {
    reads: Arc<SharedReads>,
    key: String,
    group: Arc<Group>,
}

impl SharedReads {
    /// Joins the same read, or leads.
    pub(crate) fn join(self: &Arc<Self>, request: &Request) -> Part {
        let key = key(request);
        let mut groups = self.groups();
        if let Some(group) = groups.get(&key) {
            let mut open = group.open();
            if !open.is_closed && open.sent.is_none_or(|sent| sent.elapsed() < AT_ONCE) {
                let (share, shared) = oneshot::channel();
                open.followers.push(share);
                return Part::Follow(shared);
            }
        }
        let group = Arc::<Group>::default();
        groups.insert(key.clone(), Arc::clone(&group));
        Part::Lead(Lead { reads: Arc::clone(self), key, group })
    }

    /// A write begins or ends: what is under way may be from before it.
    pub(crate) fn end(&self) {
        self.groups().retain(|_, group| {
            let mut open = group.open();
            open.is_closed = open.sent.is_some();
            !open.is_closed
        });
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<String, Arc<Group>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// It is sent now.
    pub(crate) fn sent(&self) {
        self.group.open().sent = Some(Instant::now());
    }

    /// Its answer begins: nobody can join it any more. Gives those who did.
    pub(crate) fn answered(&self) -> Vec<oneshot::Sender<Shared>> {
        let mut groups = self.reads.groups();
        if groups.get(&self.key).is_some_and(|group| Arc::ptr_eq(group, &self.group)) {
            groups.remove(&self.key);
        }
        drop(groups);
        let mut open = self.group.open();
        open.is_closed = true;
        std::mem::take(&mut open.followers)
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        drop(self.answered());
    }
}

/// What has to be equal: the address, and the headers with which the platform is asked.
fn key(request: &Request) -> String {
    let mut key = String::with_capacity(256);
    key.push_str(request.verb.as_str());
    key.push(' ');
    key.push_str(request.url.as_str());
    for (name, value) in &request.headers {
        key.push('\n');
        key.push_str(name.as_str());
        key.push(':');
        key.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        let url = url.parse().unwrap();
        let count = integration::Count::Counted { page: None, is_list: false };
        Request { verb: http::Method::GET, url, headers: HeaderMap::new(), body: None, count }
    }

    fn lead(part: Part) -> Lead {
        let Part::Lead(lead) = part else { panic!("it follows") };
        lead
    }

    #[test]
    fn the_same_is_joined_until_it_is_answered_and_another_is_not() {
        let reads = Arc::new(SharedReads::default());
        let first = lead(reads.join(&request("https://a.test/1")));
        assert!(matches!(reads.join(&request("https://a.test/1")), Part::Follow(_)));
        let _other = lead(reads.join(&request("https://a.test/2")));
        first.sent();
        let _joined = reads.join(&request("https://a.test/1"));
        assert_eq!(first.answered().len(), 2);
        let _next = lead(reads.join(&request("https://a.test/1")));
    }

    #[test]
    fn a_read_over_which_a_write_went_is_not_joined() {
        let reads = Arc::new(SharedReads::default());
        let waits = lead(reads.join(&request("https://a.test/1")));
        reads.end();
        assert!(matches!(reads.join(&request("https://a.test/1")), Part::Follow(_)));
        waits.sent();
        reads.end();
        let later = lead(reads.join(&request("https://a.test/1")));
        assert_eq!(waits.answered().len(), 1, "who joined before the write gets the answer");
        assert!(matches!(reads.join(&request("https://a.test/1")), Part::Follow(_)));
        assert_eq!(later.answered().len(), 1);
    }
}
