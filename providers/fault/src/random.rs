//! Chance that can be repeated: the same seed and the same number of the socket give the same sequence, whatever other sockets do.

/// SplitMix64: small, fast, and good enough to be unlucky with.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a socket, by the order in which sockets were made.
    pub fn new(seed: u64, socket: u64) -> Self {
        let mut random = Self(seed ^ socket.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // So that neighbours do not begin alike.
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Between 0 and 1, without 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens. Nothing is drawn for what is impossible, so that a fault that is not set
    /// changes no other.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.fraction() < probability
    }

    /// From 1 to `most`, which is not 0.
    pub fn up_to(&mut self, most: u32) -> u32 {
        1 + (self.fraction() * f64::from(most)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let draw = |seed, socket| -> Vec<u64> {
            let mut random = Random::new(seed, socket);
            (0..20).map(|_| random.next()).collect()
        };
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    #[test]
    fn things_happen_as_often_as_they_should() {
        let mut random = Random::new(1, 1);
        let times = (0..100_000).filter(|_| random.happens(0.01)).count();
        assert!((800..1200).contains(&times), "{times}");
        assert!((0..1000).all(|_| random.happens(1.0)) && !(0..1000).any(|_| random.happens(0.0)));
        assert!((0..1000).all(|_| (1..=7).contains(&random.up_to(7))));
    }
}
