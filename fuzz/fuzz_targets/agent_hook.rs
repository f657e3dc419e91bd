//! An agent's question: any bytes are answered, and never with permission. The
//! first byte chooses the agent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_agents::{Agent, answer};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, question)) = bytes.split_first() else { return };
    let agent = Agent::ALL[usize::from(*first) % Agent::ALL.len()];
    let said = answer(agent, question);
    assert!(said.code <= 2);
    assert!(!said.stdout.contains("\"allow\""));
});
