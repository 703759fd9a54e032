//! Answers, kept for as long as their records live.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::wire::{Answer, Outcome};

/// What has been asked: the name in lower case, and the type.
type Key = (String, u16);

/// The cache; it holds so many answers.
#[derive(Default)]
pub(crate) struct Cache(RwLock<HashMap<Key, (Instant, Arc<Answer>)>>);

const MOST: usize = 4096;
/// The longest that an answer is kept, whatever it says.
const DAY: u32 = 86_400;
/// The longest that an absence is kept (RFC 2308).
const ABSENT: u32 = 900;

impl Cache {
    pub(crate) fn get(&self, name: &str, kind: u16, now: Instant) -> Option<Arc<Answer>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (until, answer) = known.get(&(name.to_ascii_lowercase(), kind))?;
        (now < *until).then(|| Arc::clone(answer))
    }

    pub(crate) fn put(&self, name: &str, kind: u16, answer: &Arc<Answer>, now: Instant) {
        let seconds = lifetime(answer);
        if seconds == 0 {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (until, _)| now < *until);
        }
        if known.len() >= MOST {
            // Whichever comes first: a cache that is full of live answers is better than none.
            let some = known.keys().next().cloned();
            some.and_then(|key| known.remove(&key));
        }
        let until = now + Duration::from_secs(seconds.into());
        known.insert((name.to_ascii_lowercase(), kind), (until, Arc::clone(answer)));
    }
}

/// The seconds that an answer may be kept.
fn lifetime(answer: &Answer) -> u32 {
    match answer.outcome {
        Outcome::Failed | Outcome::Refused => 0,
        Outcome::Exists if !answer.records.is_empty() => {
            answer.records.iter().map(|record| record.ttl).min().unwrap_or(0).min(DAY)
        }
        Outcome::Exists | Outcome::NoSuchName => answer.negative_ttl.unwrap_or(0).min(ABSENT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Data, Record};

    fn answer(ttls: &[u32], negative_ttl: Option<u32>) -> Arc<Answer> {
        let record = |ttl: &u32| Record { name: "a".into(), ttl: *ttl, data: Data::Other { kind: 99 }, bytes: vec![] };
        Arc::new(Answer { outcome: Outcome::Exists, records: ttls.iter().map(record).collect(), negative_ttl })
    }

    #[test]
    fn an_answer_lives_as_long_as_its_shortest_record() {
        let (cache, now) = (Cache::default(), Instant::now());
        cache.put("Name", 1, &answer(&[60, 30], None), now);
        assert!(cache.get("nAME", 1, now + Duration::from_secs(29)).is_some());
        assert!(cache.get("name", 1, now + Duration::from_secs(30)).is_none());
        assert!(cache.get("name", 28, now).is_none());
    }

    #[test]
    fn an_absence_lives_as_its_zone_says_and_nothing_without_a_time_does() {
        let (cache, now) = (Cache::default(), Instant::now());
        cache.put("absent", 1, &answer(&[], Some(10)), now);
        assert!(cache.get("absent", 1, now + Duration::from_secs(9)).is_some());
        assert!(cache.get("absent", 1, now + Duration::from_secs(10)).is_none());
        cache.put("zero", 1, &answer(&[0], None), now);
        cache.put("unknown", 1, &answer(&[], None), now);
        assert!(cache.get("zero", 1, now).is_none() && cache.get("unknown", 1, now).is_none());
    }

    #[test]
    fn a_full_cache_stays_at_its_size() {
        let (cache, now) = (Cache::default(), Instant::now());
        for n in 0..MOST + 100 {
            cache.put(&n.to_string(), 1, &answer(&[60], None), now);
        }
        assert!(cache.0.read().unwrap().len() <= MOST);
        assert!(cache.get(&(MOST + 99).to_string(), 1, now).is_some());
    }
}
