internal import ResectBytes

/// The archive's directory and the header of each entry, in agreement with each other and with libzip.
struct Directory {
  private let file: InputFile
  private let records: [CentralRecord]
  private let headers: [LocalHeader]
  /// Which entry has a name.
  let places: [String: Int]

  /// Reads the directory of `file` and each entry's own header.
  init(parsing file: InputFile) throws(ResectError) {
    self.file = file
    let end = try EndRecord(parsing: file)
    records = try Directory.records(end, of: file)
    headers = try Directory.headers(of: records, in: file, below: end.directory.lowerBound)
    places = try Directory.places(of: records, in: file)
    try checkWithLibzip()
  }

  /// The entries, in the order of the directory.
  var entries: [ZipEntry] {
    zip(records, headers).enumerated().map { index, entry in
      let (record, header) = entry
      return ZipEntry(
        name: record.name, size: record.size, compressedSize: record.compressedSize,
        crc32: record.crc32, isStored: record.isStored, payloadOffset: header.payload.lowerBound,
        index: index)
    }
  }

  /// The records that fill the directory, which must be as many as `end` counts.
  private static func records(
    _ end: EndRecord, of file: InputFile
  ) throws(ResectError) -> [CentralRecord] {
    let start = end.directory.lowerBound
    let table = try file.read(at: start, count: end.directory.count)
    var records: [CentralRecord] = []
    var position = 0
    while position < table.count {
      guard records.count < end.count else {
        throw file.refusal(
          .malformed, "the end record counts \(end.count) entries, the directory holds more",
          at: start + UInt64(position))
      }
      records.append(try CentralRecord(parsing: table, at: &position, base: start, of: file))
    }
    guard records.count == end.count else {
      throw file.refusal(
        .malformed,
        "the end record counts \(end.count) entries, the directory holds \(records.count)",
        at: end.directory.upperBound)
    }
    return records
  }

  /// The headers of `records`, each entry within the bytes between its beginning and that of the next.
  ///
  /// Entries that share bytes unfold to more than the file holds, or mean one thing to one reader and another to the
  /// next.
  private static func headers(
    of records: [CentralRecord], in file: InputFile, below limit: UInt64
  ) throws(ResectError) -> [LocalHeader] {
    let order = records.indices.sorted { records[$0].header < records[$1].header }
    let ends = order.dropFirst().map { min(records[$0].header, limit) } + [limit]
    var headers = [LocalHeader?](repeating: nil, count: records.count)
    for (index, end) in zip(order, ends) {
      headers[index] = try LocalHeader(of: records[index], in: file, below: end)
    }
    return headers.compactMap(\.self)
  }

  /// Of two entries with one name, one reader takes the first and another the last.
  private static func places(
    of records: [CentralRecord], in file: InputFile
  ) throws(ResectError) -> [String: Int] {
    var places: [String: Int] = [:]
    places.reserveCapacity(records.count)
    for (index, record) in records.enumerated() {
      guard places.updateValue(index, forKey: record.name) == nil else {
        throw file.refusal(
          .malformed, "two entries have this name", entry: record.name, at: record.offset)
      }
    }
    return places
  }

  /// libzip is the judge of the format: it must accept the archive, and read each entry as it is read here.
  private func checkWithLibzip() throws(ResectError) {
    let known = Dictionary(
      zip(records.lazy.map(\.header), headers.lazy.map(\.bytes)), uniquingKeysWith: { $1 })
    let libzip = try LibzipHandle(
      LibzipSource(file, knowing: known), of: file, checkingConsistency: true)
    guard libzip.count == records.count else {
      throw file.refusal(
        .malformed, "libzip finds \(libzip.count) entries, the directory holds \(records.count)",
        at: nil)
    }
    for (index, record) in records.enumerated() where !libzip.agrees(with: record, at: index) {
      throw file.refusal(
        .malformed, "libzip reads the entry's name, sizes, method or CRC-32 differently",
        entry: record.name, at: record.offset)
    }
  }
}
