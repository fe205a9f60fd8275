public import Bytes

extension LazyTensor {
  /// The same elements with the axes in another order: axis `i` is this tensor's axis `order[i]`, in reverse where `reversed`
  /// has that axis. Bits are kept.
  ///
  /// Throws where `order` is no order of the axes. When it is pulled, this tensor is held in memory twice.
  public func permuted(_ order: [Int], reversing reversed: Set<Int> = []) throws(ResectError) -> LazyTensor {
    guard order.sorted() == Array(0..<shape.rank) else {
      throw ResectError(.mismatch, "\(order) is no order of the axes of shape \(shape)")
    }
    return LazyTensor(
      dtype: dtype, shape: try Shape(order.map { shape.axes[$0] }),
      source: PermutedTensor(base: self, order: order, reversed: reversed))
  }
}

private struct PermutedTensor: TensorSource {
  let base: LazyTensor
  let order: [Int]
  let reversed: Set<Int>

  func stream(
    as dtype: DType, _ piece: (RawSpan) throws(ResectError) -> Void
  ) throws(ResectError) {
    guard base.shape.elementCount > 0 else { return }
    let bytes = try permutedBytes()
    let step = InputFile.pieceBytes
    var scratch = DoubleScratch()
    for start in stride(from: 0, to: bytes.count, by: step) {
      let part = unsafe bytes.span.bytes.extracting(start..<min(start + step, bytes.count))
      if dtype == base.dtype {
        try piece(part)
      } else {
        scratch.load(part, as: base.dtype)
        try scratch.encode(as: dtype, piece)
      }
    }
  }

  private func permutedBytes() throws(ResectError) -> [UInt8] {
    let bytes = try base.bytes()
    return switch base.dtype.byteCount {
    case 1: permuted(bytes, UInt8.self)
    case 2: permuted(bytes, UInt16.self)
    case 4: permuted(bytes, UInt32.self)
    case 8: permuted(bytes, UInt64.self)
    default: permuted(bytes, SIMD2<UInt64>.self)
    }
  }

  private func permuted<Element: BitwiseCopyable>(_ bytes: [UInt8], _: Element.Type) -> [UInt8] {
    let walk = PermutedWalk(shape: base.shape, order: order, reversed: reversed)
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { target, count in
      unsafe bytes.withUnsafeBytes { source in
        if let from = source.baseAddress, let to = target.baseAddress {
          unsafe walk.copy(
            from: from.assumingMemoryBound(to: Element.self),
            to: UnsafeMutableRawPointer(to).assumingMemoryBound(to: Element.self))
        }
      }
      count = bytes.count
    }
  }
}

/// The order in which elements are fetched when axes change places.
///
/// Counts elements. What lies side by side before and what shall lie side by side after are walked in tiles, so that both are
/// in the cache: else each element of a large kernel costs a line of it.
private struct PermutedWalk {
  /// An axis of the result: its length, and the steps in the result and in the source.
  struct Axis {
    let length: Int
    let step: Int
    let sourceStep: Int
  }

  private static let tile = 16
  private let outer: [Axis]
  private let near: Axis
  private let last: Axis
  private let start: Int

  init(shape: Shape, order: [Int], reversed: Set<Int>) {
    let sourceSteps = StoredTensor.rowMajorStrides(of: shape)
    var axes: [Axis] = []
    var step = 1
    for axis in order.reversed() {
      let sign = reversed.contains(axis) ? -1 : 1
      axes.append(Axis(length: shape.axes[axis], step: step, sourceStep: sign * sourceSteps[axis]))
      step *= shape.axes[axis]
    }
    start = reversed.reduce(0) { $0 + (shape.axes[$1] - 1) * sourceSteps[$1] }
    let one = Axis(length: 1, step: 0, sourceStep: 0)
    last = axes.isEmpty ? one : axes.removeFirst()
    if let place = axes.firstIndex(where: { abs($0.sourceStep) == 1 && $0.length > 1 }) {
      near = axes.remove(at: place)
    } else {
      near = one
    }
    outer = axes
  }

  func copy<Element: BitwiseCopyable>(
    from source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>
  ) {
    var position = [Int](repeating: 0, count: outer.count)
    var (from, to) = (start, 0)
    while true {
      unsafe copyPlane(from: source + from, to: target + to)
      var axis = 0
      while axis < outer.count {
        position[axis] += 1
        from += outer[axis].sourceStep
        to += outer[axis].step
        if position[axis] < outer[axis].length { break }
        from -= outer[axis].sourceStep * outer[axis].length
        to -= outer[axis].step * outer[axis].length
        position[axis] = 0
        axis += 1
      }
      if axis == outer.count { return }
    }
  }

  /// Copies the elements of the axes ``near`` and ``last``.
  private func copyPlane<Element: BitwiseCopyable>(
    from source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>
  ) {
    for first in stride(from: 0, to: near.length, by: PermutedWalk.tile) {
      let end = min(first + PermutedWalk.tile, near.length)
      for column in 0..<last.length {
        let from = unsafe source + column * last.sourceStep
        let to = unsafe target + column * last.step
        for row in first..<end { unsafe to[row * near.step] = from[row * near.sourceStep] }
      }
    }
  }
}
