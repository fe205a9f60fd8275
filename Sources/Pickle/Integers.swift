internal import ResectBytes

extension RandomAccessCollection where Element == UInt8, Index == Int {
  /// The same little-endian two's complement integer without the bytes at its end that only repeat its sign.
  var shortestInteger: SubSequence {
    var end = endIndex
    while end > startIndex {
      let last = self[end - 1]
      let signBelow = end - 1 > startIndex && self[end - 2] >= 0x80
      guard last == 0 && !signBelow || last == 0xff && signBelow else { break }
      end -= 1
    }
    return self[startIndex..<end]
  }

  /// The little-endian two's complement integer that the bytes are, if it has at most 64 bits.
  var littleEndianInteger: Int64? {
    let bytes = shortestInteger
    guard bytes.count <= 8 else { return nil }
    var value: UInt64 = 0
    for (index, byte) in bytes.enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
    guard let sign = bytes.last, sign >= 0x80, bytes.count < 8 else {
      return Int64(bitPattern: value)
    }
    return Int64(bitPattern: value | UInt64.max << UInt64(8 * bytes.count))
  }

  /// The decimal integer that the bytes spell, in little-endian two's complement; nothing if they spell none.
  ///
  /// Takes time quadratic in the number of digits, of which the caller allows few.
  var decimalInteger: [UInt8]? {
    let isNegative = first == UInt8(ascii: "-")
    let isSigned = isNegative || first == UInt8(ascii: "+")
    let digits = self[(isSigned ? startIndex + 1 : startIndex)..<endIndex]
    guard !digits.isEmpty else { return nil }
    var limbs: [UInt32] = []
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      var carry = UInt64(digit - UInt8(ascii: "0"))
      for index in limbs.indices {
        carry += UInt64(limbs[index]) * 10
        limbs[index] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      if carry > 0 { limbs.append(UInt32(truncatingIfNeeded: carry)) }
    }
    var bytes: [UInt8] = []
    for limb in limbs { bytes.append(littleEndian: limb) }
    bytes.append(0)
    guard isNegative else { return Array(bytes.shortestInteger) }
    var carry = true
    for index in bytes.indices {
      bytes[index] = carry ? 0 &- bytes[index] : ~bytes[index]
      carry = carry && bytes[index] == 0
    }
    return Array(bytes.shortestInteger)
  }
}
