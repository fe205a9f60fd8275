internal import ResectBytes
internal import ResectTensors

/// The payload of a tensor that is not stored as it is.
struct EncodedPayload {
  let encoding: NativeEncoding
  let bytes: [UInt8]

  /// A payload.
  init(encoding: NativeEncoding, bytes: [UInt8]) {
    self.encoding = encoding
    self.bytes = bytes
  }

  /// The payload of `tensor`; nothing where it is stored as it is.
  ///
  /// Elements are pulled once. `progress` is told how many bytes of them. What comes unchanged from a `.resect` file keeps its
  /// payload where nothing may be lost: quantised weights stay as small as they are.
  init?(
    _ tensor: OutputTensor, _ choice: EncodingChoice, progress: WriteProgress?
  ) throws(ResectError) {
    switch choice {
    case .store:
      return nil
    case .lossless:
      if tensor.dtype == tensor.tensor.dtype, let encoded = tensor.tensor.wholeStorage as? EncodedStorage {
        self = try encoded.verifiedPayload()
        progress?(tensor.tensor.byteCount)
        return
      }
      guard let bytes = try EncodedPayload.planes(tensor, progress) else { return nil }
      self.bytes = bytes
      encoding = .planes
    case .quantized(let step, let rounding):
      guard tensor.tensor.shape.elementCount > 0 else { return nil }
      let quantized = try QuantizedTensor(tensor, step: step, rounding, progress)
      bytes = quantized.payload()
      encoding = .quantized(step: step, relativeError: quantized.relativeError)
    case .int8:
      guard tensor.tensor.shape.elementCount > 0 else { return nil }
      let rounded = try RoundedTensor(tensor, progress)
      bytes = rounded.payload()
      encoding = .int8(relativeError: rounded.relativeError)
    }
  }

  /// The payload in the encoding `planes`; nothing where it saves less than three percent of the room in the file.
  private static func planes(
    _ tensor: OutputTensor, _ progress: WriteProgress?
  ) throws(ResectError) -> [UInt8]? {
    guard var coder = PlanesCoder(tensor.dtype), tensor.tensor.shape.elementCount > 0 else { return nil }
    let rawCount = tensor.tensor.byteCount(as: tensor.dtype)
    var payload = ChunkedPayload(
      head: [], ChunkLayout(elementCount: tensor.tensor.shape.elementCount), capacity: rawCount)
    var pieces = Rechunker(byteCount: ChunkLayout.chunkElements * tensor.dtype.byteCount)
    var done = 0
    func encode(_ elements: RawSpan) {
      payload.add { coder.append(elements, to: &$0) }
      done += elements.byteCount
    }
    try tensor.tensor.stream(as: tensor.dtype) { piece throws(ResectError) in
      try pieces.add(piece) { encode($0) }
    }
    try pieces.finish { encode($0) }
    guard done == rawCount else {
      throw ResectError(.truncated, "expected \(rawCount) bytes, got \(done)")
    }
    guard NativeTensorEntry.isPlausible(encoded: payload.bytes.count, raw: rawCount),
      100 * aligned(UInt64(payload.bytes.count)) <= 97 * aligned(UInt64(rawCount))
    else { return nil }
    progress?(rawCount)
    return payload.bytes
  }
}

/// A payload while its chunks are appended: a head, the table of the chunks' lengths, the chunks.
struct ChunkedPayload {
  private(set) var bytes: [UInt8]
  private var tablePosition: Int

  /// A payload without chunks, with room for about `capacity` bytes.
  init(head: [UInt8], _ layout: ChunkLayout, capacity: Int) {
    bytes = []
    bytes.reserveCapacity(capacity)
    bytes += head
    bytes += [UInt8](repeating: 0, count: 4 * layout.count)
    tablePosition = head.count
  }

  /// Adds the chunk that `append` appends.
  mutating func add(_ append: (inout [UInt8]) -> Void) {
    let start = bytes.count
    append(&bytes)
    let length = UInt32(bytes.count - start)
    for index in 0..<4 { bytes[tablePosition + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    tablePosition += 4
  }
}

/// A tensor in multiples of a step.
private struct QuantizedTensor {
  private let step: Double
  private let shape: Shape
  private let integers: [Int32]
  /// The root of the error's energy over the weights' own.
  let relativeError: Double

  /// Pulls `output` and rounds its elements to multiples of `step`.
  init(
    _ output: OutputTensor, step: Double, _ rounding: StepRounding, _ progress: WriteProgress?
  ) throws(ResectError) {
    try output.checkIsFloat32()
    guard step.isNormal, step > 0 else {
      throw ResectError(.badArgument, "a step of \(step) is not above zero")
    }
    self.step = step
    shape = output.tensor.shape
    let weights = try output.tensor.doubles()
    let multiples = StepMultiples(weights, shape: shape, step: step, rounding: rounding)
    guard multiples.bad == 0 else {
      throw ResectError(
        .badValue, "\(multiples.bad) weights are not finite, or more than 2^30 steps of \(step)")
    }
    let integers = multiples.integers
    self.integers = integers
    relativeError = weights.relativeError { Double(integers[$0]) * step }
    progress?(4 * weights.count)
  }

  /// The payload, with classes where they make it smaller.
  func payload() -> [UInt8] {
    let plain = payload(nil)
    guard let classes = ScaleClasses(of: integers, shape: shape) else { return plain }
    let classed = payload(classes)
    return classed.count < plain.count ? classed : plain
  }

  private func payload(_ classes: ScaleClasses?) -> [UInt8] {
    var coder = QuantizedCoder(step: step, classes: classes)
    return ChunkedPayload.bytes(head: classes.map { [1] + $0.bytes } ?? [0], elementCount: integers.count) {
      coder.append(integers[$0], elements: $0, to: &$1)
    }
  }
}

/// A tensor as 8-bit integers.
private struct RoundedTensor {
  private let shape: Shape
  private let integers: ScaledIntegers
  /// The root of the error's energy over the weights' own.
  let relativeError: Double

  /// Pulls `output` and rounds its elements.
  init(_ output: OutputTensor, _ progress: WriteProgress?) throws(ResectError) {
    try output.checkIsFloat32()
    shape = output.tensor.shape
    guard shape.rank > 0 else { throw ResectError(.badArgument, "a scalar has no output channels") }
    let integers = try ScaledIntegers(output.tensor)
    self.integers = integers
    let size = integers.values.count / integers.scales.count
    relativeError = try output.tensor.doubles().relativeError {
      Double(Float(integers.values[$0]) * integers.scales[$0 / size])
    }
    progress?(4 * integers.values.count)
  }

  /// The payload, coded where that saves three percent at least: what is stored is read faster.
  func payload() -> [UInt8] {
    let coded = payload(IntegerCoder())
    let stored = payload(IntegerCoder(isStored: true))
    return 100 * coded.count <= 97 * stored.count ? coded : stored
  }

  private func payload(_ coder: IntegerCoder) -> [UInt8] {
    var coder = coder
    var scales: [UInt8] = []
    for scale in integers.scales { scales.append(littleEndian: scale.bitPattern) }
    return ChunkedPayload.bytes(head: scales, elementCount: integers.values.count) {
      coder.append(integers.values[$0], to: &$1)
    }
  }
}

extension ChunkedPayload {
  /// A payload of `elementCount` elements, of which `append` appends each chunk.
  fileprivate static func bytes(
    head: [UInt8], elementCount: Int, _ append: (Range<Int>, inout [UInt8]) -> Void
  ) -> [UInt8] {
    let layout = ChunkLayout(elementCount: elementCount)
    var payload = ChunkedPayload(head: head, layout, capacity: elementCount)
    for chunk in 0..<layout.count { payload.add { append(layout.elements(of: chunk), &$0) } }
    return payload.bytes
  }
}

extension OutputTensor {
  fileprivate func checkIsFloat32() throws(ResectError) {
    guard dtype == .float32 else {
      throw ResectError(.badArgument, "only float32 is quantised, the tensor is to be \(dtype.rawValue)")
    }
  }
}

extension [Double] {
  /// The root of the error's energy over the weights' own, which these are; `changed` gives what they become. 0 where all are zero.
  fileprivate func relativeError(_ changed: (Int) -> Double) -> Double {
    var (noise, energy) = (0.0, 0.0)
    for index in indices {
      let error = self[index] - changed(index)
      noise += error * error
      energy += self[index] * self[index]
    }
    return energy > 0 ? (noise / energy).squareRoot() : 0
  }
}
