internal import CResectCrypto
internal import CResectDeflate

/// CRC-32 as zip, gzip and PNG use it (polynomial 0xEDB88320), at memory speed.
public struct CRC32: Sendable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of nothing.
  public init() {}

  /// The checksum of bytes whose own is `value`, followed by `count` zeros.
  public static func extending(_ value: UInt32, byZeros count: Int) -> UInt32 {
    var crc = CRC32()
    crc.value = value
    [UInt8](repeating: 0, count: count).withRawSpan { crc.update($0) }
    return crc.value
  }

  /// The checksum of bytes whose own is `first`, followed by `count` bytes whose own is `second`.
  ///
  /// A checksum is a polynomial over bits modulo the CRC's: that of the first bytes moves up by as many powers of x as bits follow.
  public static func joining(_ first: UInt32, _ second: UInt32, count: UInt64) -> UInt32 {
    var power = x.toTheEighth
    var shift = x.toTheZeroth
    var left = count
    while left > 0 {
      if left & 1 == 1 { shift = product(shift, power) }
      power = product(power, power)
      left >>= 1
    }
    return product(shift, first) ^ second
  }

  /// Powers of x. The highest bit is the lowest coefficient.
  private static let x = (toTheZeroth: UInt32(1) << 31, toTheEighth: UInt32(1) << 23)

  /// The product of two polynomials modulo the CRC's.
  private static func product(_ first: UInt32, _ second: UInt32) -> UInt32 {
    var sum: UInt32 = 0
    var term = second
    for bit in (0..<32).reversed() {
      if first >> UInt32(bit) & 1 == 1 { sum ^= term }
      term = term & 1 == 1 ? term >> 1 ^ 0xEDB8_8320 : term >> 1
    }
    return sum
  }

  /// Adds `bytes`.
  public mutating func update(_ bytes: RawSpan) {
    // libdeflate takes no bytes at no address as a wish to begin anew.
    guard !bytes.isEmpty else { return }
    let current = value
    value = unsafe bytes.withUnsafeBytes { buffer in
      unsafe libdeflate_crc32(current, buffer.baseAddress, buffer.count)
    }
  }

  /// The checksum of `bytes`.
  public static func of(_ bytes: [UInt8]) -> UInt32 {
    var crc = CRC32()
    bytes.withRawSpan { crc.update($0) }
    return crc.value
  }
}

/// SHA-256 by libcrypto, which uses the processor's instructions for it.
@safe public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  /// The digest of nothing. Fails where libcrypto has no memory or is set up without SHA-256.
  public init() throws(ResectError) {
    // A process may end while a thread still computes a digest: libcrypto must not take itself apart under it.
    guard OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1, let context = unsafe EVP_MD_CTX_new(),
      unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    else { throw ResectError(.system, "libcrypto offers no SHA-256") }
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// Adds `bytes`.
  public mutating func update(_ bytes: RawSpan) {
    _ = unsafe bytes.withUnsafeBytes { buffer in
      unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
    }
  }

  /// The digest of all bytes so far, as 64 lower-case hexadecimal digits.
  public consuming func hexadecimal() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    _ = unsafe digest.withUnsafeMutableBufferPointer { buffer in
      unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
    }
    return digest.hexadecimal
  }
}

extension Sequence<UInt8> {
  /// Two lower-case hexadecimal digits a byte.
  public var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension UInt32 {
  /// Eight lower-case hexadecimal digits.
  public var hexadecimal: String {
    (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * $0)) }.hexadecimal
  }
}
