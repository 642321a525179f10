//! The measurement behind decision 0035: a journal that is written anew, against records that are
//! encrypted by a key of each person.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use journal::{FileJournal, Journal, Offset, RealDisk};
use state::{Remaining, without_erased};

use super::*;

const MESSAGES: usize = 200_000;
const PEOPLE: usize = 10_000;
const DELETED: usize = 10;
const BATCH: usize = 300;
const DICTIONARY_BYTES: usize = 32 * 1_024;

/// A message as a shop sends it.
fn record(n: usize) -> (usize, Vec<u8>) {
    let person = n.wrapping_mul(7_919) % PEOPLE;
    let arrival = Arrival {
        received_at: domain::Timestamp(1_700_000_000_000 + n as i64 * 50),
        source: "web",
        peer_ip: None,
    };
    let body = json!({
        "type": "track", "messageId": format!("{:032x}", n * 104_729), "event": "Product Viewed",
        "userId": format!("customer-{person:08}"), "anonymousId": format!("{:032x}", person * 31),
        "properties": { "product_id": format!("sku-{}", n * 13 % 5_000), "price": n % 300,
            "currency": "EUR", "category": format!("category {}", n % 40) },
        "context": { "page": { "url": format!("https://shop.example/p/{}", n * 13 % 5_000),
            "referrer": "https://shop.example/" }, "locale": "de-DE",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
            "library": { "name": "analytics.js", "version": "next-1.70.0" } },
    });
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    (person, Entry::Message(Box::new(message)).encode())
}

fn append(journal: &FileJournal, records: &[Vec<u8>]) -> Duration {
    let began = Instant::now();
    for batch in records.chunks(BATCH) {
        let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        journal.append(&batch).unwrap();
    }
    began.elapsed()
}

fn bytes_of(folder: &Path) -> u64 {
    files(folder).iter().map(|path| fs_err::metadata(path).unwrap().len()).sum()
}

#[test]
#[ignore = "a measurement: cargo test -p engine --test privacy -- --ignored --nocapture rewriting_against_keys"]
fn rewriting_against_keys() {
    let made: Vec<(usize, Vec<u8>)> = (0..MESSAGES).map(record).collect();
    let (plain, raw): (Vec<Vec<u8>>, usize) = {
        let raw = made.iter().map(|(_, record)| record.len()).sum();
        (made.iter().map(|(_, record)| record.clone()).collect(), raw)
    };
    println!("{MESSAGES} messages of {PEOPLE} people, {} bytes each", raw / MESSAGES);

    let folder = tempfile::tempdir().unwrap();
    let journal =
        FileJournal::open(Arc::new(RealDisk::open(folder.path()).unwrap()), Offset(0)).unwrap();
    let appended = append(&journal, &plain);
    let bytes = bytes_of(folder.path());
    println!(
        "as blocks: {bytes} bytes, {:.2} us a message to append",
        appended.as_secs_f64() * 1e6 / MESSAGES as f64
    );
    let user_ids = (0..DELETED).map(|person| format!("customer-{person:08}"));
    let devices = (0..DELETED).map(|person| format!("{:032x}", person * 31));
    let users = user_ids.map(|id| (ExternalIdType::UserId, id));
    let devices = devices.map(|id| (ExternalIdType::AnonymousId, id));
    let people = NamedPeople::new(users.chain(devices)).unwrap();
    let began = Instant::now();
    let rewritten = journal
        .rewrite(
            &mut |_, record| {
                if !people.may_be_in(record) {
                    return Ok(None);
                }
                let entry = Entry::decode(record)?;
                let at = entry.time();
                Ok((without_erased(entry, &people) == Remaining::Nothing)
                    .then(|| Entry::Erased { at }.encode()))
            },
            &mut |_, _| ControlFlow::Continue(()),
        )
        .unwrap();
    let took = began.elapsed();
    let per_gb = took.as_secs_f64() * 1e9 / rewritten.read_bytes as f64;
    println!(
        "rewriting for {DELETED} people: {} records, {took:?}, {per_gb:.1} s for a journal of 1 GB",
        rewritten.replaced
    );
    drop((journal, folder));

    let keys: Vec<ChaCha20Poly1305> = (0..PEOPLE)
        .map(|n| {
            let mut key = [7; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            ChaCha20Poly1305::new(&key.into())
        })
        .collect();
    // Records as they are: whatever is compressed finds their texts in it.
    let mut dictionary = plain.iter().step_by(1_000).flatten().copied().collect::<Vec<u8>>();
    dictionary.truncate(DICTIONARY_BYTES);
    for (what, dictionary) in [("alone", Vec::new()), ("with a dictionary", dictionary)] {
        let mut compressor = zstd::bulk::Compressor::with_dictionary(1, &dictionary).unwrap();
        let began = Instant::now();
        let sealed: Vec<Vec<u8>> = made
            .iter()
            .enumerate()
            .map(|(n, (person, record))| {
                let mut nonce = [0; 12];
                nonce[..8].copy_from_slice(&n.to_le_bytes());
                let packed = compressor.compress(record).unwrap();
                let sealed = keys[*person].encrypt(&Nonce::from(nonce), packed.as_slice()).unwrap();
                [&person.to_le_bytes()[..], &sealed].concat()
            })
            .collect();
        let sealing = began.elapsed();
        let folder = tempfile::tempdir().unwrap();
        let journal =
            FileJournal::open(Arc::new(RealDisk::open(folder.path()).unwrap()), Offset(0)).unwrap();
        let appended = append(&journal, &sealed);
        println!(
            "by a key of each person, compressed {what}: {} bytes, {:.2} us a message to seal and append",
            bytes_of(folder.path()),
            (sealing + appended).as_secs_f64() * 1e6 / MESSAGES as f64
        );
    }
    // Shredding keys writes the file of keys anew: an id of 8 and a key of 32 bytes each.
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let file = folder.path().join("keys");
    fs_err::write(&file, vec![1; PEOPLE * 40]).unwrap();
    fs_err::File::open(&file).unwrap().sync_all().unwrap();
    println!("shredding keys: {:?}", began.elapsed());
}

/// How many regulations wait, and how many messages the journal has.
const WAITING: usize = 20;
const WAITING_MESSAGES: usize = 20_000;

#[test]
#[ignore = "a measurement: cargo test -p engine --test privacy -- --ignored --nocapture regulations_that_wait"]
fn regulations_that_wait() {
    let measure = |what: &str, run: &dyn Fn(&Engine, &[uuid::Uuid])| {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        let entries = (0..WAITING_MESSAGES).map(|n| Entry::decode(&record(n).1).unwrap());
        let entries: Vec<Entry> = entries.collect();
        for batch in entries.chunks(BATCH) {
            engine.submit_blocking(batch.to_vec()).unwrap();
        }
        let ask = |person: usize| {
            let user = format!("customer-{person:08}");
            let new = regulation(RegulationType::SuppressWithDeleteInternal, &user);
            engine.begin_regulation(&new).unwrap()
        };
        let ids: Vec<uuid::Uuid> = (0..WAITING).map(ask).collect();
        let began = Instant::now();
        run(&engine, &ids);
        println!("{WAITING} regulations {what}: {:?}", began.elapsed());
        let is_done = |id: &uuid::Uuid| {
            let (_, receipt) = engine.regulation(*id).unwrap().unwrap();
            receipt.is_some_and(|receipt| receipt.status == RegulationStatus::Finished)
        };
        assert!(ids.iter().all(is_done));
    };
    measure("one by one", &|engine, ids| {
        for id in ids {
            engine.run_regulation(*id, &Surroundings::NONE).unwrap();
        }
    });
    measure("in one pass", &|engine, ids| {
        engine.run_regulations(ids, &Surroundings::NONE).unwrap();
    });
}
