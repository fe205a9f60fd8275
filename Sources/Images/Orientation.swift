/// How a stored image lies: the values of EXIF's tag 0x0112, named by where the stored first row and first column belong.
enum Orientation: UInt32, CaseIterable {
  case topLeft = 1
  case topRight
  case bottomRight
  case bottomLeft
  case leftTop
  case rightTop
  case rightBottom
  case leftBottom

  /// Reads the orientation out of an EXIF block: a TIFF header of either byte order, and the first directory.
  ///
  /// Nothing where there is none or where offsets lead out of the block. Source: Exif 2.32, 4.5 and 4.6; TIFF 6.0, section 2.
  init?(exif: ArraySlice<UInt8>) {
    let block = TIFFBlock(exif)
    guard let directory = block.firstDirectory, let count = block.integer(at: directory, bytes: 2)
    else { return nil }
    for index in 0..<Int(count) {
      let entry = directory + 2 + index * 12
      guard let tag = block.integer(at: entry, bytes: 2) else { return nil }
      guard tag == 0x0112 else { continue }
      guard let value = block.singleInteger(ofEntryAt: entry) else { return nil }
      self.init(rawValue: value)
      return
    }
    return nil
  }
}

/// Numbers of a TIFF structure by their offsets, each checked.
private struct TIFFBlock {
  private let bytes: ArraySlice<UInt8>
  private let isBigEndian: Bool

  init(_ exif: ArraySlice<UInt8>) {
    // JPEG puts this before the structure, PNG should not.
    let prefix = Array("Exif\0\0".utf8)
    bytes = exif.starts(with: prefix) ? exif.dropFirst(prefix.count) : exif
    isBigEndian = bytes.starts(with: Array("MM".utf8))
  }

  /// The offset of the first directory.
  var firstDirectory: Int? {
    guard isBigEndian || bytes.starts(with: Array("II".utf8)), integer(at: 2, bytes: 2) == 42 else {
      return nil
    }
    return integer(at: 4, bytes: 4).map { Int($0) }
  }

  /// The value of a directory's entry that holds one SHORT or LONG.
  func singleInteger(ofEntryAt entry: Int) -> UInt32? {
    guard let type = integer(at: entry + 2, bytes: 2), integer(at: entry + 4, bytes: 4) == 1 else {
      return nil
    }
    let sizes: [UInt32: Int] = [3: 2, 4: 4]
    return sizes[type].flatMap { integer(at: entry + 8, bytes: $0) }
  }

  /// The number of `count` bytes at `offset`, which is at most 2³² and so cannot overflow.
  func integer(at offset: Int, bytes count: Int) -> UInt32? {
    guard offset + count <= bytes.count else { return nil }
    let field = bytes.dropFirst(offset).prefix(count)
    return (isBigEndian ? Array(field) : field.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
  }
}
