//! An hour of garbage and titles through `paring classify`: labels are counted against lines, memory is watched.
//!
//!     cargo test --release --test soak -- --ignored --nocapture
//!     PARING_SOAK_SECONDS=300 cargo test --release --test soak -- --ignored --nocapture

#![cfg(feature = "cli")]
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((self.0 >> 33) % end as u64) as usize
    }

    /// Adds a line to a block.
    fn line(&mut self, titles: &[&str], block: &mut Vec<u8>) {
        let mut line = Vec::new();
        match self.below(20) {
            0 => {}
            1..3 => (0..self.below(200)).for_each(|_| line.push(self.below(256) as u8)),
            3 => (0..self.below(50)).for_each(|_| {
                let character = char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{fffd}');
                line.extend(character.to_string().as_bytes());
            }),
            4 => line.extend(b"a\xcc\x81".repeat(self.below(1000))),
            5 if self.below(2000) == 0 => line.extend(b"night nurse ".repeat(self.below(100_000))),
            _ => line.extend(titles[self.below(titles.len())].as_bytes()),
        }
        line.retain(|&byte| byte != b'\n');
        block.extend(line);
        block.push(b'\n');
    }
}

#[test]
#[ignore = "takes an hour, or PARING_SOAK_SECONDS"]
fn labels_match_lines_at_bounded_memory() {
    let seconds = std::env::var("PARING_SOAK_SECONDS").map_or(3600, |text| text.parse().unwrap());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/titles.txt");
    let titles = fs::read_to_string(data).unwrap();
    let titles: Vec<&str> = titles.lines().collect();
    let mut child = Command::new(env!("CARGO_BIN_EXE_paring"))
        .arg("classify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (lines, labels, most) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut draw = Draw(1);
            let until = Instant::now() + Duration::from_secs(seconds);
            let mut block = Vec::new();
            while Instant::now() < until {
                block.clear();
                for _ in 0..1000 {
                    draw.line(&titles, &mut block);
                }
                input.write_all(&block).unwrap();
                lines.fetch_add(1000, Ordering::Relaxed);
                let status = fs::read_to_string(&status).unwrap_or_default();
                let peak = status.lines().find(|line| line.starts_with("VmHWM"));
                let peak = peak.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
                most.fetch_max(peak.unwrap_or(0), Ordering::Relaxed);
            }
            drop(input);
        });
        let mut buffer = vec![0; 1 << 16];
        loop {
            match output.read(&mut buffer).unwrap() {
                0 => break,
                read => {
                    let ends = buffer[..read].iter().filter(|&&byte| byte == b'\n').count();
                    labels.fetch_add(ends as u64, Ordering::Relaxed);
                }
            }
        }
    });
    assert!(child.wait().unwrap().success());
    let (lines, labels, most) = (lines.into_inner(), labels.into_inner(), most.into_inner());
    println!("{lines} lines, {labels} labels, {most} KiB at most");
    assert_eq!(labels, lines);
    assert!(most < 64 << 10, "{most} KiB");
}
