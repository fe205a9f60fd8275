public import ResectBytes

/// What the process that works on an HDF5 file is asked: 17 bytes.
public enum HDF5Request: Sendable, Hashable {
  /// To open the part of the file that is an HDF5 file, and to answer with its index.
  case open(offset: UInt64, byteCount: UInt64)
  /// To decode the dataset at an address, which must have that many bytes.
  case read(address: UInt64, byteCount: UInt64)

  /// Bytes of a request.
  public static let byteCount = 17

  /// The request's bytes.
  public var encoded: [UInt8] {
    let (kind, first, second): (UInt8, UInt64, UInt64) =
      switch self {
      case .open(let offset, let byteCount): (1, offset, byteCount)
      case .read(let address, let byteCount): (2, address, byteCount)
      }
    var bytes = [kind]
    bytes.append(littleEndian: first)
    bytes.append(littleEndian: second)
    return bytes
  }

  /// The request that `bytes` are.
  public init(parsing bytes: [UInt8]) throws(ResectError) {
    var reader = ByteReader(bytes)
    let kind = try reader.byte()
    let first = try reader.integer(UInt64.self)
    let second = try reader.integer(UInt64.self)
    switch kind {
    case 1: self = .open(offset: first, byteCount: second)
    case 2: self = .read(address: first, byteCount: second)
    default: throw ResectError(.badArgument, "no request has the number \(kind)")
    }
  }
}

/// What every part of an answer begins with: five bytes.
public struct HDF5AnswerHead: Sendable, Hashable {
  /// What follows.
  public enum Kind: UInt8, Sendable {
    /// An index.
    case index = 1
    /// The next bytes of a dataset.
    case data
    /// An error, as ``HDF5Refusal`` encodes it.
    case refusal
  }

  /// Bytes of a head.
  public static let byteCount = 5

  /// What follows.
  public let kind: Kind
  /// How many bytes of it.
  public let length: Int

  /// A head.
  public init(_ kind: Kind, length: Int) {
    self.kind = kind
    self.length = length
  }

  /// The head's bytes.
  public var encoded: [UInt8] {
    var bytes = [kind.rawValue]
    bytes.append(littleEndian: UInt32(clamping: length))
    return bytes
  }

  /// The head that `bytes` are.
  public init(parsing bytes: [UInt8]) throws(ResectError) {
    var reader = ByteReader(bytes)
    let number = try reader.byte()
    guard let kind = Kind(rawValue: number) else { throw unexpected("an answer of kind \(number)") }
    self.kind = kind
    length = Int(try reader.integer(UInt32.self))
  }
}

/// An error on its way through the socket.
public enum HDF5Refusal {
  /// What a reader of files can find wrong.
  private static let codes: [ResectError.Code] = [
    .malformed, .unsupported, .limit, .truncated, .checksum, .badArgument, .system,
  ]

  /// The bytes of `error`.
  public static func encoded(_ error: ResectError) -> [UInt8] {
    guard let code = codes.firstIndex(of: error.code) else {
      return encoded(
        ResectError(.malformed, "\(error.code): \(error.message)", advice: error.advice, tensor: error.tensor))
    }
    let texts = [error.message, error.advice?.text ?? "", error.tensor ?? ""].map { $0.printable(limit: 400) }
    return [UInt8(code)] + texts.joined(separator: "\0").utf8
  }

  /// The error that `bytes` are.
  public static func parsed(_ bytes: [UInt8]) -> ResectError {
    let texts = bytes.dropFirst().split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard let code = bytes.first, Int(code) < codes.count, texts.count == 3 else {
      return unexpected("an error without words")
    }
    return ResectError(
      codes[Int(code)], texts[0], advice: texts[1].isEmpty ? nil : .init(texts[1]),
      tensor: texts[2].isEmpty ? nil : texts[2])
  }
}
