//! What this machine can do at most: reading memory once, and products and sums in registers.

mod products;
mod read;

use std::time::Instant;

use awq_marlin::cpu::Isa;
use awq_marlin::parallel::Parallel;

/// Rates of all threads together, in 10^9 a second.
pub struct Peaks {
    pub threads: usize,
    pub isa: Isa,
    /// Bytes of memory that no cache holds, on huge pages and on 4 KiB pages.
    pub read: f64,
    pub read_small_pages: f64,
    /// Operations by instruction and vector width, such as ("fma_f32", 512).
    pub products: Vec<(&'static str, u32, f64)>,
}

impl Peaks {
    /// Takes some two seconds.
    pub fn measure(par: &dyn Parallel, isa: Isa) -> Peaks {
        Peaks {
            threads: par.threads(),
            isa,
            read: read::gbps(par, isa, true),
            read_small_pages: read::gbps(par, isa, false),
            products: products::all(par, isa),
        }
    }

    /// The best width of an instruction; None where the machine lacks it.
    pub fn best(&self, instruction: &str) -> Option<f64> {
        let rates = self.products.iter().filter(|(name, ..)| *name == instruction).map(|p| p.2);
        rates.fold(None, |best, rate| Some(best.map_or(rate, |b: f64| b.max(rate))))
    }

    /// Multiplying and adding in f32.
    pub fn f32(&self) -> f64 {
        self.best("fma_f32").unwrap_or(f64::NAN)
    }

    /// Every product's rate, for people.
    pub fn text(&self) -> String {
        let rate = |&(name, bits, rate): &(&str, u32, f64)| format!("{name} {rate:.0} ({bits} bits)");
        self.products.iter().map(rate).collect::<Vec<_>>().join(", ")
    }

    /// One JSON object on one line.
    pub fn json(&self) -> String {
        let rate = |&(name, bits, rate): &(&str, u32, f64)| format!("\"{name}_{bits}\": {rate:.2}");
        let products: Vec<String> = self.products.iter().map(rate).collect();
        format!(
            "{{\"threads\": {}, \"isa\": \"{}\", \"read\": {:.2}, \"read_4k\": {:.2}, {}}}",
            self.threads,
            self.isa,
            self.read,
            self.read_small_pages,
            products.join(", ")
        )
    }
}

/// The best rate of several tries. `work` returns how much it did, in 10^9.
fn best_of(tries: usize, work: impl Fn() -> f64) -> f64 {
    (0..tries)
        .map(|_| {
            let t = Instant::now();
            let amount = work();
            amount / t.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}
