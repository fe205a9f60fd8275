import ResectBytes

/// Encoded payloads put together by hand as `Docs/NativeFormat.md` says; any part may be wrong.
enum HandEncoding {
  /// A payload of `chunks`, whose lengths may be said otherwise.
  static func payload(head: [UInt8] = [], _ chunks: [UInt8]..., lengths: [UInt32]? = nil) -> [UInt8] {
    var bytes = head
    for length in lengths ?? chunks.map({ UInt32($0.count) }) { bytes.append(littleEndian: length) }
    return bytes + chunks.joined()
  }

  static func stored(_ symbols: [UInt8]) -> [UInt8] { [0] + symbols }

  static func constant(_ symbol: UInt8) -> [UInt8] { [1, symbol] }

  /// A block of kind 2; `frequencies` are those of the symbols from `first` on.
  static func coded(
    _ symbols: [UInt8], first: UInt8, frequencies: [Int], spoil: (inout Words) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes = [2, first, first + UInt8(frequencies.count - 1)]
    for frequency in frequencies {
      bytes += frequency < 128 ? [UInt8(frequency)] : [UInt8(frequency % 128 + 128), UInt8(frequency / 128)]
    }
    var all = [Int](repeating: 0, count: 256)
    for (index, frequency) in frequencies.enumerated() { all[Int(first) + index] = frequency }
    var words = Words(symbols, frequencies: all)
    spoil(&words)
    return bytes + words.bytes
  }

  /// A block of kind 3, whose curve means `frequencies`.
  static func smooth(_ symbols: [UInt8], curve: [UInt8], frequencies: [UInt8: Int]) -> [UInt8] {
    var all = [Int](repeating: 0, count: 256)
    for (symbol, frequency) in frequencies { all[Int(symbol)] = frequency }
    return [3] + curve + Words(symbols, frequencies: all).bytes
  }

  /// What follows the frequencies: the inverse of the decoder in the specification, step by step from the last symbol.
  struct Words {
    var states: [UInt64]
    var words: [UInt16] = []

    init(_ symbols: [UInt8], frequencies: [Int]) {
      states = [UInt64](repeating: 65536, count: symbols.count >= 32768 ? 32 : 4)
      for (index, symbol) in symbols.enumerated().reversed() {
        let frequency = UInt64(frequencies[Int(symbol)])
        let below = UInt64(frequencies[..<Int(symbol)].reduce(0, +))
        var state = states[index % states.count]
        // What the decoder would not let grow beyond 32 bits.
        if state >= frequency << 20 {
          words.insert(UInt16(truncatingIfNeeded: state), at: 0)
          state >>= 16
        }
        states[index % states.count] = state / frequency * 4096 + below + state % frequency
      }
    }

    var bytes: [UInt8] {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: UInt16(words.count))
      for state in states { bytes.append(littleEndian: UInt32(state)) }
      for word in words { bytes.append(littleEndian: word) }
      return bytes
    }
  }
}

extension HandAssembly {
  /// A file of one tensor, the classifier's weight, whose encoded payload is `payload`. `members` stand in its entry.
  static func encoded(
    _ payload: [UInt8], _ encoding: String, dtype: String = "F32", shape: String,
    members: String = "", length: Int64? = nil
  ) -> HandAssembly {
    var padded = payload
    while padded.count % 64 != 0 { padded.append(0) }
    let entry = HandAssembly.entry(
      name: "classifier.weight", dtype: dtype, shape: shape, encoding: encoding,
      length: length ?? Int64(payload.count), payload: padded)
    return .tensors(String(entry.dropLast()) + members + "}", payloads: padded)
  }

  /// A tensor of 8-bit integers, whose payload begins with `scales`.
  static func int8(scales: [Float], _ chunks: [UInt8]..., shape: String) -> HandAssembly {
    var payload: [UInt8] = []
    for scale in scales { payload.append(littleEndian: scale.bitPattern) }
    for chunk in chunks { payload.append(littleEndian: UInt32(chunk.count)) }
    return encoded(payload + chunks.joined(), "int8", shape: shape, members: #","relativeError":0.5"#)
  }

  /// A quantised tensor of step 0.25.
  static func quantized(_ payload: [UInt8], shape: String) -> HandAssembly {
    encoded(payload, "quantized", shape: shape, members: #","step":0.25,"relativeError":0.5"#)
  }
}
