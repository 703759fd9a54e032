//! What becomes of a transfer: decided here, done elsewhere. Times are since the layer's start.

use std::time::Duration;

use windlass_spi::abi::WsaError;

use crate::faults::{Call, Faults};
use crate::random::Random;

/// What becomes of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fails.
    Fail(WsaError),
    /// The connection is broken.
    Reset,
    /// It seems to succeed, and nothing moves.
    Lost,
    /// It moves.
    Moves {
        /// At most so many bytes of it.
        most: u32,
        /// How many times.
        copies: u32,
    },
}

/// What becomes of so many bytes of a stream. `bytes` is the room of a receive.
pub fn stream(call: Call, bytes: u32, faults: &Faults, random: &mut Random) -> Fate {
    if let Some(error) = faults.failure(call, |rate| random.happens(rate)) {
        return Fate::Fail(error);
    }
    if random.happens(faults.reset) {
        return Fate::Reset;
    }
    let most = if bytes > 1 && random.happens(faults.short) { random.up_to(bytes - 1) } else { bytes };
    Fate::Moves { most, copies: 1 }
}

/// What becomes of a datagram.
pub fn datagram(call: Call, bytes: u32, faults: &Faults, random: &mut Random) -> Fate {
    if let Some(error) = faults.failure(call, |rate| random.happens(rate)) {
        return Fate::Fail(error);
    }
    if faults.cut || random.happens(faults.loss) {
        return Fate::Lost;
    }
    let copies = if random.happens(faults.duplicate) { 2 } else { 1 };
    Fate::Moves { most: bytes, copies }
}

/// One direction of a socket: what is on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// When the last byte that was handed in has left.
    free: Duration,
    /// When the last byte arrives.
    arrival: Duration,
}

impl Link {
    /// When so many bytes arrive that are handed in now. Streams keep their order whatever the jitter, datagrams do not.
    pub fn arrival(
        &mut self,
        now: Duration,
        bytes: u32,
        faults: &Faults,
        random: &mut Random,
        in_order: bool,
    ) -> Duration {
        self.free = self.free.max(now);
        if faults.bandwidth > 0 {
            self.free += Duration::from_secs_f64(f64::from(bytes) / faults.bandwidth as f64);
        }
        let mut arrival = self.free + faults.latency;
        if !faults.jitter.is_zero() {
            arrival += faults.jitter.mul_f64(random.fraction());
        }
        if in_order {
            arrival = arrival.max(self.arrival);
            self.arrival = arrival;
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(words: &[&str]) -> Faults {
        let mut faults = Faults::default();
        words.iter().for_each(|word| faults.set(word).unwrap());
        faults
    }

    fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn without_faults_everything_moves_at_once() {
        let (none, mut random) = (Faults::default(), Random::new(1, 1));
        assert_eq!(stream(Call::Send, 100, &none, &mut random), Fate::Moves { most: 100, copies: 1 });
        assert_eq!(datagram(Call::Recv, 0, &none, &mut random), Fate::Moves { most: 0, copies: 1 });
        let mut link = Link::default();
        assert_eq!(link.arrival(millis(5), 1_000_000, &none, &mut random, true), millis(5));
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let mut random = Random::new(1, 1);
        let stream = |words: &[&str], random: &mut Random| stream(Call::Send, 100, &faults(words), random);
        let datagram = |words: &[&str], random: &mut Random| datagram(Call::Send, 100, &faults(words), random);
        assert_eq!(stream(&["reset=1"], &mut random), Fate::Reset);
        assert_eq!(stream(&["reset=1", "error=send:WSAENOBUFS"], &mut random), Fate::Fail(WsaError::WSAENOBUFS));
        assert_eq!(stream(&["error=recv:WSAENOBUFS"], &mut random), Fate::Moves { most: 100, copies: 1 });
        for _ in 0..100 {
            let Fate::Moves { most, copies: 1 } = stream(&["short=1"], &mut random) else { panic!() };
            assert!((1..100).contains(&most));
        }
        assert_eq!(datagram(&["loss=1"], &mut random), Fate::Lost);
        assert_eq!(datagram(&["cut"], &mut random), Fate::Lost);
        assert_eq!(datagram(&["duplicate=1"], &mut random), Fate::Moves { most: 100, copies: 2 });
        assert_eq!(datagram(&["short=1", "reset=1"], &mut random), Fate::Moves { most: 100, copies: 1 });
    }

    #[test]
    fn a_byte_or_none_is_never_cut_short() {
        let (short, mut random) = (faults(&["short=1"]), Random::new(1, 1));
        for bytes in [0, 1] {
            assert_eq!(stream(Call::Recv, bytes, &short, &mut random), Fate::Moves { most: bytes, copies: 1 });
        }
    }

    #[test]
    fn bytes_queue_for_the_bandwidth_and_arrive_later() {
        let (slow, mut random) = (faults(&["bandwidth=1kB", "latency=20ms"]), Random::new(1, 1));
        let mut link = Link::default();
        assert_eq!(link.arrival(millis(0), 100, &slow, &mut random, true), millis(120));
        assert_eq!(link.arrival(millis(0), 100, &slow, &mut random, true), millis(220));
        assert_eq!(link.arrival(millis(1000), 100, &slow, &mut random, true), millis(1120), "free since");
    }

    #[test]
    fn jitter_never_reorders_a_stream() {
        let (jitter, mut random) = (faults(&["latency=5ms", "jitter=50ms"]), Random::new(3, 1));
        let mut arrivals = |in_order| -> Vec<Duration> {
            let mut link = Link::default();
            (0..200).map(|n| link.arrival(millis(n), 10, &jitter, &mut random, in_order)).collect()
        };
        let stream = arrivals(true);
        assert!(stream.is_sorted());
        assert!((0..200).all(|n| stream[n] >= millis(n as u64 + 5)));
        assert!(!arrivals(false).is_sorted(), "datagrams overtake each other");
    }

    #[test]
    fn a_seed_repeats_a_run() {
        let bad = faults(&["loss=30%", "duplicate=20%", "jitter=9ms", "error=send:WSAENOBUFS:10%"]);
        let run = |seed| -> Vec<(Fate, Duration)> {
            let (mut random, mut link) = (Random::new(seed, 4), Link::default());
            (0..100)
                .map(|n| {
                    (datagram(Call::Send, n, &bad, &mut random), link.arrival(millis(1), n, &bad, &mut random, false))
                })
                .collect()
        };
        assert_eq!(run(9), run(9));
        assert_ne!(run(9), run(10));
    }
}
