internal import ResectBytes
internal import ResectResNets

/// Finds the places of tensors whose names no convention knows, by the structure of the network: the sequence and the shapes of
/// convolutions, batch-norms and linear layers.
///
/// All ways to read the convolutions as a stem and blocks of one kind are tried, the shortcut at the same position in every block.
/// The order of the file decides where shapes do not. Only one reading is accepted: two are refused with what they differ in.
struct StructuralMatch {
  private let layers: UnknownLayers
  /// The furthest convolution at which a reading ended: what a refusal names.
  private var furthest = 0

  /// The place of each name. Throws `ResectError.Code.notAResNet` with what made it so, `ResectError.Code.ambiguous` where two
  /// readings are equally good.
  static func mapping(of tensors: [NamedTensor]) throws(ResectError) -> Mapping {
    var match = StructuralMatch(layers: try UnknownLayers(tensors))
    return try match.mapping()
  }

  private init(layers: UnknownLayers) { self.layers = layers }

  private mutating func mapping() throws(ResectError) -> Mapping {
    let convolutions = layers.convolutions
    guard convolutions.count > 2 else {
      throw UnknownLayers.refusal("there are \(convolutions.count) convolutions, a ResNet has more")
    }
    guard convolutions.count <= 4096 else {
      throw UnknownLayers.refusal("there are \(convolutions.count) convolutions, no ResNet has so many")
    }
    var found: [[String: ParameterPath]] = []
    var normFault: ResectError?
    // Networks that follow the rules come first; pruned ones, whose blocks have any widths inside, only where none does.
    for isRegular in [true, false] where found.isEmpty {
      for reading in readings(isRegular: isRegular) {
        do throws(ResectError) {
          for places in try self.places(reading) where !found.contains(places) { found.append(places) }
        } catch {
          normFault = error
        }
      }
    }
    guard let first = found.first else {
      if let normFault { throw normFault }
      let stuck = convolutions[min(furthest, convolutions.count - 1)]
      throw UnknownLayers.refusal(
        "the convolutions form no ResNet: \(stuck.description) fits no stem, block or shortcut after the \(furthest) before it"
      )
    }
    guard found.count == 1 else { throw StructuralMatch.ambiguity(first, found[1]) }
    return Mapping(places: first)
  }

  private static func ambiguity(
    _ one: [String: ParameterPath], _ other: [String: ParameterPath]
  ) -> ResectError {
    let differences = one.filter { other[$0.key] != $0.value }.sorted { $0.key < $1.key }.map {
      "\($0.key) is \($0.value) or \(other[$0.key].map(\.description) ?? "nothing")"
    }
    return ResectError(
      .ambiguous,
      "the tensors form a ResNet in two equally good ways: \(differences.first ?? "they differ in the order of layers")",
      advice: .sayMapping, details: differences)
  }
}

// MARK: Convolutions

extension StructuralMatch {
  /// A way to read the convolutions.
  struct Reading {
    let block: Architecture.Block
    let stemLength: Int
    /// By block: the position of its first convolution, whether it has a projection, and whether it begins a stage.
    var blocks: [(start: Int, hasProjection: Bool, beginsStage: Bool)]
    /// Where a block's projection stands among its convolutions.
    let shortcutPosition: Int

    /// The positions of a block's convolutions, and of its projection.
    func positions(_ index: Int) -> (units: [Int], shortcut: Int?) {
      let count = block.kernels.count
      let (start, hasProjection, _) = blocks[index]
      guard hasProjection else { return (Array(start..<start + count), nil) }
      let all = Array(start...start + count)
      return (all.filter { $0 != start + shortcutPosition }, start + shortcutPosition)
    }
  }

  /// What all readings of one kind have in common.
  private struct Form {
    let block: Architecture.Block
    let hasProjections: Bool
    let shortcutPosition: Int
    let isRegular: Bool
  }

  private mutating func readings(isRegular: Bool) -> [Reading] {
    var readings: [Reading] = []
    for stemLength in stemLengths {
      for block in Architecture.Block.allCases {
        for position in 0...block.kernels.count {
          let form = Form(block: block, hasProjections: true, shortcutPosition: position, isRegular: isRegular)
          readings += self.readings(form, stemLength: stemLength)
        }
      }
      // Without projections, only the networks for CIFAR are known, and they follow the rules.
      if isRegular, stemLength == 1 {
        let form = Form(block: .basic, hasProjections: false, shortcutPosition: 0, isRegular: true)
        readings += self.readings(form, stemLength: 1).filter(isForCIFAR)
      }
    }
    return readings
  }

  /// One convolution of 7×7 or 3×3, or three of 3×3 the last of which widens.
  private var stemLengths: [Int] {
    let weights = layers.convolutions.prefix(3).map(\.weight)
    var lengths: [Int] = []
    if [[7, 7], [3, 3]].contains(Array(weights[0][2...])), weights[0][1] <= 16 { lengths.append(1) }
    if weights.allSatisfy({ $0[2...] == [3, 3] }), weights[1][1] == weights[0][0],
      weights[2][1] == weights[1][0], weights[2][0] > weights[1][0]
    {
      lengths.append(3)
    }
    return lengths
  }

  /// As many blocks in each stage, each twice as wide as the one before, behind a 3×3 stem.
  private func isForCIFAR(_ reading: Reading) -> Bool {
    var depths: [Int] = []
    var widths: [Int] = []
    for (index, block) in reading.blocks.enumerated() {
      if block.beginsStage {
        depths.append(0)
        widths.append(layers.convolutions[reading.positions(index).units[1]].weight[0])
      }
      depths[depths.count - 1] += 1
    }
    return layers.convolutions[0].weight[2] == 3 && depths.count > 1 && Set(depths).count == 1
      && widths.first == layers.convolutions[0].weight[0]
      && zip(widths, widths.dropFirst()).allSatisfy { $1 == 2 * $0 }
  }

  /// All readings of a form, up to two: a second one already makes it ambiguous.
  private mutating func readings(_ form: Form, stemLength: Int) -> [Reading] {
    typealias Step = (state: Int, start: Int, hasProjection: Bool)
    let count = layers.convolutions.count
    // What a reading has behind it is told by the next convolution and the channels that go into it; both follow from the block
    // before, so that each end of a block is one state.
    var states: [(end: Int, channels: Int, steps: [Step])] = [
      (stemLength, layers.convolutions[stemLength - 1].weight[0], [])
    ]
    var next = 0
    while next < states.count {
      let (start, channels, _) = states[next]
      furthest = max(furthest, start)
      for hasProjection in form.hasProjections ? [false, true] : [false] {
        guard
          let outputs = blockOutputs(
            form, at: start, channels: channels, hasProjection: hasProjection, isFirst: start == stemLength)
        else { continue }
        let end = start + form.block.kernels.count + (hasProjection ? 1 : 0)
        let step: Step = (next, start, hasProjection)
        if let known = states.firstIndex(where: { $0.end == end && $0.channels == outputs }) {
          states[known].steps.append(step)
        } else {
          // States are visited in the order of their ends.
          let place = states.lastIndex { $0.end <= end } ?? states.count - 1
          guard place >= next else { continue }
          states.insert((end, outputs, [step]), at: place + 1)
        }
      }
      next += 1
    }
    var readings: [Reading] = []
    for index in states.indices where states[index].end == count && index > 0 {
      readings += paths(to: index, states.map(\.steps)).map { steps in
        reading(form, stemLength, steps)
      }
    }
    return Array(readings.prefix(2))
  }

  /// Up to two ways from the stem to a state.
  private func paths(
    to state: Int, _ steps: [[(state: Int, start: Int, hasProjection: Bool)]]
  ) -> [[(start: Int, hasProjection: Bool)]] {
    var unfinished: [(state: Int, path: [(start: Int, hasProjection: Bool)])] = [(state, [])]
    var finished: [[(start: Int, hasProjection: Bool)]] = []
    while let (state, path) = unfinished.popLast(), finished.count < 2 {
      if state == 0 {
        finished.append(path.reversed())
        continue
      }
      for step in steps[state] {
        unfinished.append((step.state, path + [(step.start, step.hasProjection)]))
      }
    }
    return finished
  }

  private func reading(
    _ form: Form, _ stemLength: Int, _ steps: [(start: Int, hasProjection: Bool)]
  ) -> Reading {
    var reading = Reading(
      block: form.block, stemLength: stemLength, blocks: [], shortcutPosition: form.shortcutPosition)
    var channels = layers.convolutions[stemLength - 1].weight[0]
    for (index, step) in steps.enumerated() {
      reading.blocks.append((step.start, step.hasProjection, false))
      let outputs = layers.convolutions[reading.positions(index).units.last ?? 0].weight[0]
      reading.blocks[index].beginsStage = index == 0 || outputs != channels || step.hasProjection
      channels = outputs
    }
    return reading
  }

  /// What a block that begins at a convolution puts out, if one can be read there.
  private func blockOutputs(
    _ form: Form, at start: Int, channels: Int, hasProjection: Bool, isFirst: Bool
  ) -> Int? {
    let kernels = form.block.kernels
    let length = kernels.count + (hasProjection ? 1 : 0)
    guard start + length <= layers.convolutions.count else { return nil }
    var units = layers.convolutions[start..<start + length].map(\.weight)
    let shortcut = hasProjection ? units.remove(at: form.shortcutPosition) : nil
    var input = channels
    for (index, (weight, kernel)) in zip(units, kernels).enumerated() {
      guard weight[2] == kernel, weight[3] == kernel, weight[1] > 0 else { return nil }
      let mayBeGrouped = form.block == .bottleneck && index == 1
      guard mayBeGrouped ? input.isMultiple(of: weight[1]) : input == weight[1] else { return nil }
      input = weight[0]
    }
    let outputs = input
    if form.isRegular, units[0][0] != units[1][0] { return nil }
    if let shortcut {
      guard shortcut[0] == outputs, shortcut[1] == channels, shortcut[2] == shortcut[3],
        shortcut[2] == 1 || shortcut[2] == 3
      else { return nil }
      if form.isRegular, outputs == channels, !isFirst { return nil }
    } else if form.hasProjections, outputs != channels {
      return nil
    }
    return outputs
  }
}

// MARK: Places

extension StructuralMatch {
  /// The places of all tensors by a reading of the convolutions: by batch-norms after the convolutions or before them, as shapes and
  /// names allow. Throws where nothing fits.
  private func places(_ reading: Reading) throws(ResectError) -> [[String: ParameterPath]] {
    var places: [String: ParameterPath] = [:]
    func put(_ layer: UnknownLayers.Layer, _ place: ModulePath) {
      for (kind, tensor) in layer.tensors { places[tensor.name] = ParameterPath(place, kind) }
    }
    let order = order(of: reading)
    for entry in order { put(layers.convolutions[entry.position], entry.convolution) }
    try checkLinears(
      features: layers.convolutions[reading.positions(reading.blocks.count - 1).units.last ?? 0].weight[0])
    for (index, layer) in layers.linears.enumerated() {
      put(layer, .classifier(layer: layers.linears.count == 1 ? nil : index))
    }
    try checkGroups(reading)
    guard !layers.norms.isEmpty else { return [places] }
    let candidates = normOrders(order).filter { fits($0.norms) }
    guard !candidates.isEmpty else {
      throw UnknownLayers.refusal(
        "the convolutions form a ResNet, but its \(layers.norms.count) batch-norms fit neither after nor before them")
    }
    let blocks = BlockNames(order.map { (layers.convolutions[$0.position].name, $0.convolution) })
    let grouped = candidates.filter { candidate in
      zip(layers.norms, candidate.norms).allSatisfy { blocks.agree(that: $0.name, is: $1.place) }
    }
    let best = grouped.isEmpty ? candidates : grouped
    return (best.first(where: \.isComplete).map { [$0] } ?? best).map { candidate in
      var all = places
      for (layer, norm) in zip(layers.norms, candidate.norms) {
        for (kind, tensor) in layer.tensors { all[tensor.name] = ParameterPath(norm.place, kind) }
      }
      return all
    }
  }

  private typealias NormOrder = (norms: [(place: ModulePath, channels: Int)], isComplete: Bool)

  /// The orders in which batch-norms may come. One after every convolution is an ordinary ResNet's and wins over the others where
  /// shapes and names do not tell.
  private func normOrders(_ order: [Entry]) -> [NormOrder] {
    let inFile = order.sorted { $0.position < $1.position }
    let inner = order.filter { !$0.isShortcut && !$0.isStem }
    let before = inner.map { ($0.norm, $0.inputs) }
    return [
      (inFile.map { ($0.norm, $0.outputs) }, true),
      (order.filter { !$0.isShortcut }.map { ($0.norm, $0.outputs) }, !order.contains(where: \.isShortcut)),
      (before, false),
      (before + [(.finalNorm, inner.last?.outputs ?? 0)], false),
    ]
  }

  /// A ResNet's 3×3 convolutions have the same number of groups everywhere.
  private func checkGroups(_ reading: Reading) throws(ResectError) {
    guard reading.block == .bottleneck else { return }
    var known: (groups: Int, layer: UnknownLayers.Layer)?
    for index in reading.blocks.indices {
      let units = reading.positions(index).units.map { layers.convolutions[$0] }
      let groups = units[0].weight[0] / units[1].weight[1]
      if let known, known.groups != groups {
        throw UnknownLayers.refusal(
          "\(known.layer.description) has \(known.groups) groups and \(units[1].description) has \(groups): a ResNet has the same everywhere"
        )
      }
      known = (groups, units[1])
    }
  }

  private func fits(_ norms: [(place: ModulePath, channels: Int)]) -> Bool {
    norms.count == layers.norms.count
      && zip(norms, layers.norms).allSatisfy { $0.channels == $1.channels }
  }

  /// Linear layers take the features and then each what the one before puts out.
  private func checkLinears(features: Int) throws(ResectError) {
    var inputs = features
    for linear in layers.linears {
      guard linear.weight[1] == inputs else {
        throw UnknownLayers.refusal(
          "the linear layer \(linear.description) takes \(linear.weight[1]) features, the last stage puts out \(inputs)"
        )
      }
      inputs = linear.weight[0]
    }
  }

  private typealias Entry = (
    position: Int, convolution: ModulePath, norm: ModulePath, inputs: Int, outputs: Int, isStem: Bool,
    isShortcut: Bool
  )

  /// The convolutions with their places, block by block.
  private func order(of reading: Reading) -> [Entry] {
    var order: [Entry] = []
    func add(
      _ position: Int, _ convolution: ModulePath, _ norm: ModulePath, inputs: Int, isStem: Bool = false,
      isShortcut: Bool = false
    ) {
      let outputs = layers.convolutions[position].weight[0]
      order.append((position, convolution, norm, inputs, outputs, isStem, isShortcut))
    }
    for index in 0..<reading.stemLength - 1 {
      add(
        index, .innerStemConvolution(index: index + 1), .innerStemNorm(index: index + 1), inputs: 0,
        isStem: true)
    }
    add(reading.stemLength - 1, .stemConvolution, .stemNorm, inputs: 0, isStem: true)
    var (stage, block) = (0, 0)
    var channels = layers.convolutions[reading.stemLength - 1].weight[0]
    for index in reading.blocks.indices {
      if reading.blocks[index].beginsStage { (stage, block) = (stage + 1, 0) } else { block += 1 }
      let (units, shortcut) = reading.positions(index)
      let input = channels
      for (number, position) in units.enumerated() {
        add(
          position, .convolution(stage: stage, block: block, index: number + 1),
          .norm(stage: stage, block: block, index: number + 1), inputs: channels)
        channels = layers.convolutions[position].weight[0]
      }
      if let shortcut {
        add(
          shortcut, .shortcutConvolution(stage: stage, block: block),
          .shortcutNorm(stage: stage, block: block), inputs: input, isShortcut: true)
      }
    }
    return order
  }
}

/// What the names of a block's convolutions begin with, where they share that with no other block's.
private struct BlockNames {
  private var prefixes: [[Int]: [Substring]] = [:]

  init(_ convolutions: [(name: String, place: ModulePath)]) {
    for (name, place) in convolutions {
      guard let block = BlockNames.block(of: place) else { continue }
      let parts = BlockNames.parts(name)
      prefixes[block] =
        prefixes[block].map { known in
          Array(zip(known, parts).prefix { $0 == $1 }.map(\.0))
        } ?? parts
    }
  }

  /// Whether a batch-norm of this name may have this place: within a block, its name begins as the block's; elsewhere, as no
  /// block's. Names that tell nothing of blocks agree with nothing.
  func agree(that name: String, is place: ModulePath) -> Bool {
    let parts = BlockNames.parts(name)
    guard let block = BlockNames.block(of: place) else {
      return prefixes.values.allSatisfy { $0.isEmpty || !parts.starts(with: $0) }
    }
    guard let prefix = prefixes[block], !prefix.isEmpty else { return false }
    return parts.starts(with: prefix)
  }

  private static func parts(_ name: String) -> [Substring] { name.split { "./_".contains($0) } }

  private static func block(of place: ModulePath) -> [Int]? {
    switch place {
    case .convolution(let stage, let block, _), .norm(let stage, let block, _),
      .shortcutConvolution(let stage, let block), .shortcutNorm(let stage, let block):
      [stage, block]
    default: nil
    }
  }
}
