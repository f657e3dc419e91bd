//! Files of agents that somebody else has written: what we put in is there,
//! can be taken out, and a second time changes nothing. The first byte chooses the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unspoken_agents::{Agent, Artifact, State};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let Ok(old) = std::str::from_utf8(text) else { return };
    let mut files: Vec<Artifact> = Agent::ALL.into_iter().flat_map(Agent::artifacts).collect();
    let file = files.swap_remove(usize::from(*first) % files.len());
    let Ok(new) = file.put(Some(old)) else { return };
    assert_eq!(file.state(Some(&new)), Ok(State::InPlace));
    assert_eq!(file.put(Some(&new)).as_ref(), Ok(&new));
    file.take(&new).expect("what we have written reads");
});
