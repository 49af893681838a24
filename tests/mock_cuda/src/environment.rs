//! What the environment asks for.

use std::env::var;
use std::str::FromStr;

fn number<T: FromStr>(name: &str, default: T) -> T {
    var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

pub fn device_count() -> i32 {
    number("MOCK_CUDA_DEVICES", 1)
}

pub fn version() -> i32 {
    number("MOCK_CUDA_VERSION", 13000)
}

/// Major and minor number of a device.
pub fn capability(device: i32) -> (i32, i32) {
    let list = var("MOCK_CUDA_CAPABILITY").unwrap_or_else(|_| "8.0".into());
    let all: Vec<&str> = list.split(',').collect();
    let one = all[(device as usize).min(all.len() - 1)];
    let (major, minor) = one.split_once('.').expect("MOCK_CUDA_CAPABILITY: 8.0");
    (major.parse().expect("a number"), minor.parse().expect("a number"))
}

/// Calls that shall fail.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

struct Fault {
    call: String,
    code: u32,
    /// Which call, 1 for the next; 0: each.
    at: u32,
}

impl Faults {
    pub fn from_environment() -> Self {
        let mut faults = Faults::default();
        for text in var("MOCK_CUDA_FAIL").unwrap_or_default().split(',').filter(|t| !t.is_empty()) {
            let (call, rest) = text.split_once('=').expect("MOCK_CUDA_FAIL: call=code or call=code@n");
            let (code, at) = rest.split_once('@').unwrap_or((rest, "0"));
            faults.add(call, code.parse().expect("a code"), at.parse().expect("a number"));
        }
        faults
    }

    pub fn add(&mut self, call: &str, code: u32, at: u32) {
        self.0.push(Fault { call: call.into(), code, at });
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The code that this call shall give.
    pub fn of(&mut self, call: &str) -> Option<u32> {
        let mut found = None;
        self.0.retain_mut(|fault| {
            if fault.call != call {
                return true;
            }
            if fault.at > 1 {
                fault.at -= 1;
                return true;
            }
            found = Some(fault.code);
            fault.at == 0
        });
        found
    }
}
