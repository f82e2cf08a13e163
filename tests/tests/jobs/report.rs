//! Never lost: exactly the messages that failed are reported, for batches of every make.

use std::collections::HashSet;

use serde_json::json;

use crate::{Queue, job};

/// A sequence that looks random and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn exactly_the_failed_records_are_reported() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let mut dice = Dice(20_261_122);
    for round in 0..60 {
        let fifo = round % 2 == 1;
        let (mut records, mut expected, mut stopped) = (Vec::new(), Vec::new(), HashSet::new());
        let ids: Vec<String> = (0..=dice.roll(9)).map(|index| format!("m-{round}-{index}")).collect();
        for id in &ids {
            let group = ["a", "b", "c"][usize::try_from(dice.roll(3)).unwrap()];
            let (body, good) = match dice.roll(6) {
                0 => ("not a job".to_owned(), false),
                1 => (
                    json!({ "id": id, "filename": "a.exe", "source": { "base64": "aGVsbG8=" } }).to_string(),
                    false,
                ),
                2 => (
                    json!({ "id": id, "filename": "a.pdf", "source": { "url": "https://a/" } }).to_string(),
                    false,
                ),
                _ => (job(id).to_string(), true),
            };
            records.push((id.as_str(), fifo.then_some(group), body));
            let behind = fifo && stopped.contains(group);
            if !good || behind {
                expected.push(id.clone());
                stopped.insert(group);
            }
        }
        let before = queue.sandbox.objects().len();
        assert_eq!(queue.deliver(&records).await, expected, "round {round}: {records:?}");
        assert_eq!(queue.sandbox.objects().len() - before, records.len() - expected.len(), "round {round}");
    }
}

#[tokio::test]
async fn a_vendor_that_fails_one_record_fails_no_other() {
    let queue = Queue::of("tencent-lke", &[]).await;
    queue.sandbox.fault(json!({ "target": "cos", "raw": { "status": 403 }, "times": 1 }));
    let ids: Vec<String> = (0..10).map(|index| format!("m-{index}")).collect();
    let records: Vec<_> = ids.iter().map(|id| (id.as_str(), None, job(id).to_string())).collect();
    let failed = queue.deliver(&records).await;
    assert_eq!((failed.len(), queue.sandbox.objects().len()), (1, 9), "{failed:?}");
}
