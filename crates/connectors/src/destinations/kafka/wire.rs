//! The bytes of Kafka's protocol: the few requests that appending takes, in versions that brokers
//! from 2.1 to 4 take, and batches of records (version 2).

/// The oldest broker takes this version of the request, the newest still does.
pub(super) const PRODUCE: (i16, i16) = (0, 7);
pub(super) const METADATA: (i16, i16) = (3, 7);
pub(super) const SASL_HANDSHAKE: (i16, i16) = (17, 1);
pub(super) const SASL_AUTHENTICATE: (i16, i16) = (36, 1);
/// The name of the client in requests.
const CLIENT_ID: &str = "tastemaker";
/// All replicas in sync have a record before it is acknowledged.
const ACKS_ALL: i16 = -1;

/// Bytes that are written.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn i8(&mut self, value: i8) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// A length or a count, of which none here is beyond the type.
    pub(super) fn len(&mut self, n: usize) {
        self.i32(i32::try_from(n).expect("requests are far below 2 GB"));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.i16(i16::try_from(text.len()).expect("names are short"));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A number of few bytes for small values of either sign.
    fn varint(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    fn var_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.varint(-1),
            Some(bytes) => {
                self.varint(bytes.len() as i64);
                self.0.extend_from_slice(bytes);
            }
        }
    }
}

/// Bytes that are read. Beyond their end, and for negative lengths, there is nothing.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        self.take::<1>().map(|[byte]| byte != 0)
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn slice(&mut self, n: usize) -> Option<&'b [u8]> {
        let (first, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(first)
    }

    /// A text; empty where it is null.
    pub(super) fn text(&mut self) -> Option<String> {
        let n = self.i16()?.max(0);
        Some(String::from_utf8_lossy(self.slice(n as usize)?).into_owned())
    }

    /// Bytes; empty where they are null.
    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let n = self.i32()?.max(0);
        self.slice(usize::try_from(n).ok()?)
    }

    /// A list, whose elements `read` reads.
    pub(super) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.i32()?.max(0);
        (0..n).map(|_| read(self)).collect()
    }
}

/// A request with its header, without the length in front.
pub(super) fn request((key, version): (i16, i16), correlation: i32, body: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.i16(key);
    writer.i16(version);
    writer.i32(correlation);
    writer.text(CLIENT_ID);
    writer.0.extend_from_slice(body);
    writer.0
}

/// Asks for the partitions of topics.
pub(super) fn metadata_request(topics: &[&str], creates_topics: bool) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.len(topics.len());
    topics.iter().for_each(|topic| writer.text(topic));
    writer.i8(i8::from(creates_topics));
    writer.0
}

/// What a broker knows.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Metadata {
    /// Node, host and port of each broker.
    pub(super) brokers: Vec<(i32, String, u16)>,
    pub(super) topics: Vec<Topic>,
}

/// A topic.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Topic {
    pub(super) error: i16,
    pub(super) name: String,
    /// The node that leads each partition; -1 where none does at the moment.
    pub(super) leaders: Vec<i32>,
}

/// Reads the answer to a [`metadata_request`].
pub(super) fn read_metadata(answer: &[u8]) -> Option<Metadata> {
    let mut reader = Reader(answer);
    let _throttle_ms = reader.i32()?;
    let brokers = reader.list(|reader| {
        let broker = (reader.i32()?, reader.text()?, u16::try_from(reader.i32()?).ok()?);
        let _rack = reader.text()?;
        Some(broker)
    })?;
    let (_cluster, _controller) = (reader.text()?, reader.i32()?);
    let topics = reader.list(|reader| {
        let (error, name, _is_internal) = (reader.i16()?, reader.text()?, reader.bool()?);
        let mut partitions = reader.list(|reader| {
            let (_error, index, leader) = (reader.i16()?, reader.i32()?, reader.i32()?);
            let _leader_epoch = reader.i32()?;
            for _replicas_in_sync_and_offline in 0..3 {
                reader.list(Reader::i32)?;
            }
            Some((index, leader))
        })?;
        partitions.sort_unstable();
        let leaders = partitions.into_iter().map(|(_, leader)| leader).collect();
        Some(Topic { error, name, leaders })
    })?;
    Some(Metadata { brokers, topics })
}

/// A record to be appended.
pub(super) struct Record<'r> {
    pub(super) key: Option<&'r [u8]>,
    pub(super) value: &'r [u8],
    /// The header `delivery-id`.
    pub(super) delivery_id: &'r str,
    /// Milliseconds since 1970.
    pub(super) timestamp_ms: i64,
}

/// Appends batches of records to partitions of a topic.
pub(super) fn produce_request(
    topic: &str,
    batches: &[(i32, Vec<u8>)],
    time_max_ms: i32,
) -> Vec<u8> {
    let mut writer = Writer::default();
    let no_transaction = -1;
    writer.i16(no_transaction);
    writer.i16(ACKS_ALL);
    writer.i32(time_max_ms);
    writer.len(1);
    writer.text(topic);
    writer.len(batches.len());
    for (partition, batch) in batches {
        writer.i32(*partition);
        writer.bytes(batch);
    }
    writer.0
}

/// Reads the answer to a [`produce_request`]: the error of each partition, 0 for none.
pub(super) fn read_produced(answer: &[u8]) -> Option<Vec<(i32, i16)>> {
    let mut reader = Reader(answer);
    let topics = reader.list(|reader| {
        reader.text()?;
        reader.list(|reader| {
            let outcome = (reader.i32()?, reader.i16()?);
            let (_offset, _time, _log_start) = (reader.i64()?, reader.i64()?, reader.i64()?);
            Some(outcome)
        })
    })?;
    Some(topics.into_iter().flatten().collect())
}

/// A batch of records; at least one.
pub(super) fn record_batch(records: &[Record<'_>]) -> Vec<u8> {
    let first_ms = records[0].timestamp_ms;
    let last_ms = records.iter().map(|record| record.timestamp_ms).max().unwrap_or(first_ms);
    let mut checked = Writer::default();
    let no_compression = 0;
    checked.i16(no_compression);
    checked.len(records.len() - 1);
    checked.i64(first_ms);
    checked.i64(last_ms);
    let (no_producer, no_epoch, no_sequence) = (-1, -1, -1);
    checked.i64(no_producer);
    checked.i16(no_epoch);
    checked.i32(no_sequence);
    checked.len(records.len());
    for (n, record) in records.iter().enumerate() {
        let mut writer = Writer::default();
        writer.i8(0);
        writer.varint(record.timestamp_ms - first_ms);
        writer.varint(n as i64);
        writer.var_bytes(record.key);
        writer.var_bytes(Some(record.value));
        writer.varint(1);
        writer.var_bytes(Some(b"delivery-id"));
        writer.var_bytes(Some(record.delivery_id.as_bytes()));
        checked.varint(writer.0.len() as i64);
        checked.0.extend_from_slice(&writer.0);
    }
    let mut batch = Writer::default();
    let first_offset = 0;
    batch.i64(first_offset);
    // What follows the length: epoch, version and checksum have 9 bytes.
    batch.len(checked.0.len() + 9);
    batch.i32(no_sequence);
    let version = 2;
    batch.i8(version);
    batch.0.extend_from_slice(&crc32c(&checked.0).to_be_bytes());
    batch.0.extend_from_slice(&checked.0);
    batch.0
}

/// The checksum of Castagnoli, bit by bit in a table of 256 bytes' worth.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut value, mut bit) = (byte as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8);
    !bytes.iter().fold(!0, step)
}

/// The partition of a key, as the clients of Kafka itself choose it: the hash murmur2, positive.
pub(super) fn partition_of(key: &[u8], n_partitions: usize) -> usize {
    (murmur2(key) & 0x7fff_ffff) as usize % n_partitions
}

fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        let place = |sum: u32, (n, byte): (usize, &u8)| sum ^ (u32::from(*byte) << (8 * n));
        hash = rest.iter().enumerate().fold(hash, place).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_hashes_are_those_of_kafka() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        // From the tests of Kafka's own client.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn numbers_take_few_bytes() {
        let mut writer = Writer::default();
        for value in [0, -1, 1, 63, 64, -65, 300] {
            writer.varint(value);
        }
        assert_eq!(writer.0, [0, 1, 2, 126, 128, 1, 129, 1, 216, 4]);
    }

    #[test]
    fn no_answer_is_too_short_to_be_refused() {
        let answer = [0; 64];
        for n in 0..answer.len() {
            let read = (read_metadata(&answer[..n]), read_produced(&answer[..n]));
            assert!(n >= 4 || read == (None, None));
        }
        let long = i32::MAX.to_be_bytes();
        assert_eq!(read_produced(&long), None);
    }
}
