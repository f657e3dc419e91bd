//! The machine that was measured on, without its name.

use std::fs;

use anyhow::{Context as _, Result};

use crate::command::{must, program};
use crate::{dist, setup};

/// What a reader must know to compare, a line each.
pub(crate) fn describe() -> Result<Vec<String>> {
    let cores = std::thread::available_parallelism().context("cannot count the cores")?;
    let date = must(program("date").args(["-u", "+%Y-%m-%d"]))?;
    let kernel =
        fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot ask the kernel")?;
    Ok(vec![
        format!("Date: {}, commit {}", date.trim(), dist::commit()),
        format!("Processor: {}, {cores} cores", field("/proc/cpuinfo", "model name")?),
        format!("Memory: {}", field("/proc/meminfo", "MemTotal")?),
        format!("Kernel: Linux {}", kernel.trim()),
        format!(
            "Others: sops {}, dotenvx {} on node {}",
            setup::version_of("/sops@"),
            setup::version_of("/dotenvx@"),
            must(program("node").arg("--version"))?.trim()
        ),
    ])
}

fn field(file: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
    Ok(value.unwrap_or("unknown").to_owned())
}
