internal import Synchronization

/// What two files have in common and where they differ: in what is known of the models beside their weights, and tensor by tensor.
public struct Comparison: Sendable {
  /// What became of one tensor.
  public enum Difference: Sendable, Hashable {
    /// The bits are the same.
    case none
    /// Only the first file has it.
    case onlyFirst
    /// Only the second file has it.
    case onlySecond
    /// The shapes differ.
    case shape(Shape, Shape)
    /// The dtypes differ, or the values, or both. `relative` is the largest difference divided by the larger magnitude.
    case values(DType, DType, largest: Double, relative: Double)

    /// Whether it is no difference.
    public var isNone: Bool { self == .none }
  }

  /// A tensor and what became of it.
  public struct Row: Sendable {
    /// Its name in the first file or, if it is only there, in the second.
    public let name: String
    /// What became of it.
    public let difference: Difference
  }

  /// What is known of the two models and differs, first of all what they compute. None where a file holds no model.
  public let facts: [Fact]
  /// A row for each tensor that either file has, in the order of the first.
  public let rows: [Row]
  /// Whether the tensors were matched by their places in the network rather than by their names.
  public let isByPlace: Bool

  /// Whether both files hold a model.
  public let areModels: Bool

  /// Whether the models compute and say the same, and all tensors are the same to the bit.
  public var isEqual: Bool { !facts.contains(where: \.isDecisive) && rows.allSatisfy(\.difference.isNone) }

  /// Compares two files, each opened by its own options. Tensors are matched by their places where both files hold a model, so that
  /// names do not matter, else by name.
  public init(
    _ first: String, _ second: String, options: OpenOptions = OpenOptions(),
    secondOptions: OpenOptions = OpenOptions(), byName: Bool = false
  ) throws(ResectError) {
    let one = try Side(path: first, options: options)
    let other = try Side(path: second, options: secondOptions)
    areModels = one.model != nil && other.model != nil
    facts = Fact.differing(one.model, other.model)
    let places = byName ? nil : one.places.flatMap { one in other.places.map { (one, $0) } }
    isByPlace = places != nil
    let (left, right) = places ?? (one.names, other.names)
    var pairs: [(name: String, first: LazyTensor?, second: LazyTensor?)] = []
    let second = Dictionary(right.map { ($0.key, $0.tensor) }) { first, _ in first }
    for entry in left { pairs.append((entry.name, entry.tensor, second[entry.key])) }
    let known = Set(left.map(\.key))
    for entry in right where !known.contains(entry.key) {
      pairs.append((entry.name, nil, entry.tensor))
    }
    let differences = Mutex([Difference](repeating: .none, count: pairs.count))
    let all = pairs
    try parallelForEach(count: all.count) { index throws(ResectError) in
      let pair = all[index]
      do throws(ResectError) {
        let difference = try Difference(pair.first, pair.second)
        differences.withLock { $0[index] = difference }
      } catch {
        throw error.located(tensor: pair.name)
      }
    }
    rows = zip(pairs, differences.withLock { $0 }).map { Row(name: $0.name, difference: $1) }
  }
}

/// The tensors of one file under the keys by which they are compared.
private struct Side {
  typealias Entry = (key: String, name: String, tensor: LazyTensor)
  var names: [Entry] = []
  /// Absent where the file holds no model.
  var places: [Entry]?
  let model: Model?

  init(path: String, options: OpenOptions) throws(ResectError) {
    switch try Container(path: path, options: options) {
    case .checkpoint(let checkpoint):
      names = checkpoint.strippedTensors.map { ($0.name, $0.name, $0.tensor) }
      do throws(ResectError) {
        model = try Model(checkpoint, options: options)
      } catch {
        // What is no ResNet is compared by name.
        guard error.code == .notAResNet || error.code == .mismatch else { throw error }
        model = nil
      }
    case .native(let native, let file):
      names = native.tensors.map { ($0.name, $0.name, $0.tensor) }
      model = try Model(native, from: file, options: options)
    }
    guard let model else { return }
    places = model.placedTensors
  }
}

extension Model {
  /// The tensors by their places in the tree or in the graph, with the names that the file has for them.
  fileprivate var placedTensors: [(key: String, name: String, tensor: LazyTensor)] {
    func entry(_ path: ParameterPath, _ tensor: LazyTensor) -> (key: String, name: String, tensor: LazyTensor) {
      (path.description, convention.name(of: path), tensor)
    }
    switch content {
    case .network(let network): return network.parameters.map { entry($0.path, $0.tensor) }
    case .graph(let graph): return graph.parameters.map { ($0.name, $0.name, $0.tensor) }
    case .classes(let classes):
      let module = ModulePath.classifier(layer: classes.layer)
      return [entry(ParameterPath(module, .weight), classes.weight)]
        + (classes.bias.map { [entry(ParameterPath(module, .bias), $0)] } ?? [])
    }
  }
}

extension Comparison.Difference {
  fileprivate init(_ first: LazyTensor?, _ second: LazyTensor?) throws(ResectError) {
    guard let first else {
      self = .onlySecond
      return
    }
    guard let second else {
      self = .onlyFirst
      return
    }
    guard first.shape == second.shape else {
      self = .shape(first.shape, second.shape)
      return
    }
    if first.dtype == second.dtype, try first.bytes() == second.bytes() {
      self = .none
      return
    }
    guard first.dtype.componentCount == second.dtype.componentCount else {
      self = .values(first.dtype, second.dtype, largest: .infinity, relative: .infinity)
      return
    }
    var largest = 0.0
    var relative = 0.0
    for (a, b) in zip(try first.doubles(), try second.doubles()) where a.bitPattern != b.bitPattern {
      // Two NaNs are no difference; a NaN and a number are an infinite one.
      let difference = a.isNaN && b.isNaN ? 0 : a.isNaN || b.isNaN ? .infinity : abs(a - b)
      largest = max(largest, difference)
      let magnitude = max(abs(a), abs(b))
      if magnitude > 0 { relative = max(relative, difference.isInfinite ? .infinity : difference / magnitude) }
    }
    self = .values(first.dtype, second.dtype, largest: largest, relative: relative)
  }
}
