internal import ResectBytes

/// The checksum that HDF5 puts behind its metadata: Bob Jenkins' `hashlittle` of lookup3, begun with zero.
func metadataChecksum(_ bytes: [UInt8]) -> UInt32 {
  var state = LookupState(UInt32(truncatingIfNeeded: bytes.count) &+ 0xDEAD_BEEF)
  guard !bytes.isEmpty else { return state.c }
  var start = 0
  while bytes.count - start > 12 {
    state.add(bytes[start..<start + 12])
    state.mix()
    start += 12
  }
  state.add(bytes[start...])
  state.finish()
  return state.c
}

/// Three words that every byte moves.
private struct LookupState {
  private var a: UInt32
  private var b: UInt32
  private(set) var c: UInt32

  init(_ value: UInt32) { (a, b, c) = (value, value, value) }

  /// Adds up to twelve bytes.
  mutating func add(_ bytes: ArraySlice<UInt8>) {
    var words: [UInt32] = [0, 0, 0]
    for (index, byte) in bytes.enumerated() {
      words[index / 4] |= UInt32(byte) << UInt32(8 * (index % 4))
    }
    a &+= words[0]
    b &+= words[1]
    c &+= words[2]
  }

  mutating func mix() {
    a = (a &- c) ^ c.rotated(4)
    c &+= b
    b = (b &- a) ^ a.rotated(6)
    a &+= c
    c = (c &- b) ^ b.rotated(8)
    b &+= a
    a = (a &- c) ^ c.rotated(16)
    c &+= b
    b = (b &- a) ^ a.rotated(19)
    a &+= c
    c = (c &- b) ^ b.rotated(4)
    b &+= a
  }

  mutating func finish() {
    c = (c ^ b) &- b.rotated(14)
    a = (a ^ c) &- c.rotated(11)
    b = (b ^ a) &- a.rotated(25)
    c = (c ^ b) &- b.rotated(16)
    a = (a ^ c) &- c.rotated(4)
    b = (b ^ a) &- a.rotated(14)
    c = (c ^ b) &- b.rotated(24)
  }
}

extension UInt32 {
  fileprivate func rotated(_ count: UInt32) -> UInt32 { self << count | self >> (32 - count) }
}
