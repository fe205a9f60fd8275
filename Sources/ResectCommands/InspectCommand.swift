internal import ResectGraphs
internal import ArgumentParser
internal import Resect

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

struct InspectCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a file holds: architecture, modules, parameters.",
    discussion: """
      Reads the index; the weights of a small file too, to compare checksums and find values that are not finite. A file \
      that is no ResNet is shown with the reason why it is none and, where it describes its layers, with what they make of an \
      image of --size.
      """)

  @Argument(help: "The file to read.") var file: String
  @Option(help: "How deep the tree of modules is shown.") var depth = 2
  @Option(
    help: ArgumentHelp(
      "The image's size that the layers of a network that is no ResNet are shown for: by default the one that it fixes, or 224.",
      valueName: "height×width"))
  var size: ImageSize?
  @Flag(help: "List every tensor with dtype, shape and bytes.") var tensors = false
  @Flag(help: "Show the place in the network of each tensor, in the form that --mapping reads.")
  var showMapping = false
  @Flag(name: .customLong("sha256"), help: "Compute the file's digest, and compare it with the file's name.")
  var digest = false
  @Flag(help: "Read the weights, however large: compare checksums, find values that are not finite.")
  var verify = false
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var shown: OutputOptions

  /// Reading so many bytes takes no time that anybody would notice.
  private static let smallBytes = 8 << 20

  func validate() throws {
    guard depth >= 0 else { throw ValidationError("--depth cannot be negative.") }
  }

  /// Where the mapping that is found is written: a file that does not exist yet.
  private var newMapping: String? { reading.mapping.flatMap { exists($0) ? nil : $0 } }

  func files() throws(ResectError) -> FilesInUse {
    guard let newMapping else { return FilesInUse(reads: [file] + reading.files) }
    return FilesInUse(reads: [file], writes: [newMapping])
  }

  func run() throws {
    let newMapping = newMapping
    var reading = reading
    if newMapping != nil { reading.mapping = nil }
    let inspection = try Inspection(path: file, options: reading.open())
    if let newMapping { try write(inspection, to: newMapping) }
    let digest = digest ? try inspection.digest() : nil
    let isVerified = verify || inspection.byteCount <= InspectCommand.smallBytes
    let notFinite = isVerified ? try inspection.verify() : []
    let warnings =
      inspection.warnings + (digest?.warning.map { [$0] } ?? [])
      + notFinite.map { "\($0.name.printable(limit: 120)): \($0.notFinite) values are non-finite (infinite or NaN)" }
    if !shown.json {
      for warning in warnings { Terminal.error("resect: warning: \(warning)") }
    }
    try shown.show(
      text(inspection, digest?.sha256, isVerified),
      json: inspection.json(
        sha256: digest?.sha256, isVerified: isVerified, overview: overview(inspection), warnings: warnings))
  }

  private func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// Writes the mapping that was found, which is a result even where the rest is shown as JSON.
  private func write(_ inspection: Inspection, to path: String) throws {
    guard let mapping = inspection.model?.loading.mapping else {
      throw inspection.whyNoModel ?? ResectError(.notApplicable, "the model has no names to map", file: file)
    }
    try mapping.write(to: path, order: inspection.tensors.map(\.name))
    Terminal.error("resect: wrote the mapping to \(path.printable())")
  }

  /// The layers of a network that is no ResNet.
  private func overview(_ inspection: Inspection) -> GraphOverview? {
    guard case .graph(let graph)? = inspection.model?.content else { return nil }
    return GraphOverview(graph, size: size)
  }

  private func text(_ inspection: Inspection, _ sha256: String?, _ isVerified: Bool) -> String {
    var lines = [
      Terminal.bold("\(inspection.path.printable()): \(inspection.format), \(inspection.fileSize.asBytes)")
    ]
    if let key = inspection.key { lines.append("state dict under the key \(key.printable())") }
    if !inspection.prefix.isEmpty { lines.append("every name begins with \(inspection.prefix)") }
    lines += inspection.model.map(description) ?? []
    if let labels = inspection.model?.labels {
      let first = labels.prefix(6).joined(separator: ", ").printable(limit: 120)
      lines.append("labels: \(first)\(labels.count > 6 ? ", …" : "")")
    }
    if let reason = inspection.whyNoResNet {
      let place = reason.tensor.map { "\($0.printable(limit: 120)): " } ?? ""
      lines.append("no ResNet: \(place)\(reason.message.printable(limit: 300))")
      lines += reason.details.prefix(20).map { "  \($0.printable(limit: 200))" }
      if reason.details.count > 20 { lines.append("  … and \(reason.details.count - 20) more (--json)") }
    }
    for source in inspection.provenance.sources {
      lines.append(
        "made from \(source.name.printable()) (\(source.format.printable()), SHA-256 \(source.sha256.printable()))")
    }
    if let ranges = inspection.model?.calibration {
      lines.append("8-bit weights, with the ranges of \(ranges.names.count) activations from \(ranges.source.rawValue)")
    }
    let surgeries = inspection.provenance.surgeries.compactMap { $0["surgery"]?.string }
    if !surgeries.isEmpty { lines.append("surgeries: \(surgeries.joined(separator: ", ").printable())") }
    lines += inspection.provenance.surgeries.compactMap(promise)
    if let sha256 { lines.append("SHA-256 \(sha256)") }
    lines.append(
      isVerified
        ? "weights read: checksums, where the file has them, are right"
        : "weights not read (--verify reads them)")
    for item in inspection.ignored {
      lines.append("ignored \(item.name.printable(limit: 120)): \(item.reason.printable(limit: 200))")
    }
    if showMapping, let mapping = inspection.model?.loading.mapping {
      let text = mapping.text(order: inspection.tensors.map(\.name))
      lines += [""] + text.split(separator: "\n").map { String($0).printable(limit: 400) }
    } else if tensors || depth > 0 {
      lines.append("")
      lines.append(tensors ? tensorTable(inspection) : overview(inspection)?.table ?? moduleTable(inspection))
    }
    lines.append("")
    lines.append(
      "\(inspection.parameterCount.grouped) parameters, \(inspection.bufferCount.grouped) in buffers, \(inspection.tensors.count) tensors, \(inspection.byteCount.asBytes)"
    )
    return lines.joined(separator: "\n")
  }

  /// What was promised and measured when weights were quantised.
  private func promise(_ surgery: JSON) -> String? {
    if surgery["surgery"]?.string == "int8", let error = surgery["proof"]?["error"]?["relativeError"]?.number {
      return "on the probes, 8-bit logits were off by \(error.text(digits: 3)) of their spread, root mean square"
    }
    guard surgery["surgery"]?.string == "quantize", let goal = surgery["parameters"].flatMap(QualityGoal.init(json:)),
      let measured = surgery["report"]?["measured"], let error = measured["relativeError"]?.number,
      let largest = measured["relativeLargest"]?.number
    else { return nil }
    return
      "quantised for \(goal): on the probes, logits were off by \(error.text(digits: 3)) of their spread, root mean square, and by \(largest.text(digits: 3)) at most"
  }

  /// What the model is, in a few lines.
  private func description(_ model: Model) -> [String] {
    let preprocessing =
      "preprocessing " + (model.preprocessing.value.map { "\($0) (\(model.preprocessing.source))" } ?? "unknown")
    if case .graph(let graph) = model.content { return GraphOverview(graph, size: size).lines + [preprocessing] }
    guard let architecture = model.architecture else {
      guard let classes = try? model.classes else { return [] }
      let constant = classes.hasConstantFeature ? ", the last of them constant" : ""
      return ["embedding of \(classes.classes) classes in \(classes.features) features\(constant)"]
    }
    let name = architecture.name ?? "a ResNet without a name"
    let depths = architecture.depths.map(String.init).joined(separator: "-")
    let widths = architecture.widths.map(String.init).joined(separator: "-")
    var lines = [
      "\(name): \(architecture.block.rawValue) blocks \(depths), widths \(widths), "
        + (architecture.classes.map { "\($0) classes" } ?? "no classifier")
        + ", names by \(model.loading.isInferred ? "no convention: inferred" : model.convention.name)",
      "stem \(architecture.stem.rawValue), \(architecture.shortcut.rawValue) shortcuts, "
        + (architecture.groups > 1 ? "\(architecture.groups) groups, " : "")
        + "\(architecture.inputChannels) input channel\(architecture.inputChannels == 1 ? "" : "s")",
      "stride \(architecture.stridePlacement.value.rawValue) (\(architecture.stridePlacement.source)), eps "
        + architecture.epsilonDescription + " (\(architecture.epsilon.source))",
    ]
    lines.append(preprocessing)
    let variants = architecture.variants
    if !variants.isEmpty { lines.append(variants.joined(separator: ", ")) }
    if architecture.normalization == .none { lines.append("no batch-norms: folded, or never there") }
    if architecture.inputNormalization != nil { lines.append("takes pixels of 0 to 255 and normalises them itself") }
    if architecture.appendsConstantFeature { lines.append("appends a constant 1 to its features") }
    return lines
  }

  private func tensorTable(_ inspection: Inspection) -> String {
    guard inspection.tensors.contains(where: { $0.payload != nil }) else {
      var table = Table(["tensor": .left, "dtype": .left, "shape": .left, "bytes": .right])
      for tensor in inspection.tensors { table.add(cells: facts(of: tensor)) }
      return table.text
    }
    var table = Table([
      "tensor": .left, "dtype": .left, "shape": .left, "bytes": .right, "encoding": .left, "stored": .right,
      "bits": .right, "dB": .right,
    ])
    for tensor in inspection.tensors {
      table.add(
        cells: facts(of: tensor) + [
          tensor.payload?.encoding.name ?? "", tensor.payload.map { Int($0.byteCount).grouped } ?? "",
          tensor.bitsPerElement?.text(digits: 3) ?? "",
          tensor.payload?.encoding.signalToNoise?.text(digits: 3) ?? "",
        ])
    }
    return table.text
  }

  private func facts(of tensor: Inspection.Tensor) -> [String] {
    [
      tensor.name.printable(limit: 120), tensor.dtype.rawValue, tensor.shape.description,
      tensor.byteCount.grouped,
    ]
  }

  private func moduleTable(_ inspection: Inspection) -> String {
    var table = Table(["module": .left, "parameters": .right, "buffers": .right, "shape": .left])
    func add(_ tree: ModuleTree, level: Int) {
      for child in tree.children {
        let weight = child.tensors.first { $0.name.hasSuffix("weight") } ?? child.tensors.first
        table.add(
          String(repeating: "  ", count: level) + child.name.printable(limit: 80),
          child.parameters.grouped, child.buffers == 0 ? "" : child.buffers.grouped,
          weight?.shape.description ?? "")
        if level + 1 < depth { add(child, level: level + 1) }
      }
      for tensor in tree.tensors where level == 0 {
        let count = tensor.shape.elementCount.grouped
        table.add(
          tensor.name.printable(limit: 80), tensor.isBuffer ? "0" : count,
          tensor.isBuffer ? count : "", tensor.shape.description)
      }
    }
    add(inspection.tree(depth: min(depth, 64) + 1), level: 0)
    return table.text
  }
}

extension Architecture {
  /// What few networks have.
  fileprivate var variants: [String] {
    var variants: [String] = []
    if isPreactivated { variants.append("pre-activated (v2)") }
    if let attention { variants.append("\(attention.kind.rawValue) in every block") }
    if projectionKernels.joined().contains(3) { variants.append("3×3 projections") }
    if stridedBlocks == .last { variants.append("strides in the last block of a stage") }
    if padding == .same { variants.append("padding as TensorFlow's SAME") }
    if !paddingExceptions.isEmpty {
      let way = padding == .same ? "by half the kernel" : "as TensorFlow's SAME"
      variants.append("padding \(way) at \(paddingExceptions.map(\.description).sorted().joined(separator: ", "))")
    }
    if normalization == .scaleAndShift { variants.append("a scale and a shift instead of batch-norms") }
    if !absentNorms.isEmpty { variants.append("\(absentNorms.count) convolutions without batch-norm") }
    if hasConvolutionBias || !biasExceptions.isEmpty {
      variants.append(biasExceptions.isEmpty ? "biases" : "biases of some convolutions")
    }
    return variants
  }
}

extension Inspection {
  /// The inspection for programs.
  fileprivate func json(sha256: String?, isVerified: Bool, overview: GraphOverview?, warnings: [String]) -> JSON {
    var kind: String?
    var constantFeature: Bool?
    var preprocessing: JSON?
    if let model {
      switch model.content {
      case .network(let network):
        kind = network.head.isEmpty ? "backbone" : "network"
        preprocessing = model.preprocessing.value?.json ?? .null
      case .graph(let graph):
        kind = graph.computesLogits ? "network" : "backbone"
        preprocessing = model.preprocessing.value?.json ?? .null
      case .classes(let classes): (kind, constantFeature) = ("classes", classes.hasConstantFeature)
      }
    }
    let reason = whyNoResNet.map { error -> JSON in
      .object([
        "code": .string(error.code.description), "tensor": error.tensor.map { .string($0) },
        "message": .string(error.message), "advice": error.advice.map { .string($0.inFlags) },
        "details": .array(error.details.map { .string($0) }),
      ])
    }
    return .object([
      "path": .string(path),
      "format": .string(format),
      "fileBytes": .integer(fileSize),
      "sha256": sha256.map { .string($0) },
      "verified": .bool(isVerified),
      "kind": kind.map { .string($0) },
      "convention": overview == nil ? model.map { .string($0.convention.name) } ?? .null : .null,
      "architecture": model?.architecture?.json ?? .null,
      "constantFeature": constantFeature.map { .bool($0) },
      "classes": (try? model?.classes)?.map { .integer($0.classes) },
      "whyNoResNet": reason,
      "graph": overview?.json,
      "labels": (model?.labels).map { .array($0.map { .string($0) }) },
      "preprocessing": preprocessing,
      "preprocessingSource": model?.preprocessing.sourceJSON,
      "calibration": model?.calibration?.json,
      "key": key.map { .string($0) },
      "prefix": .string(prefix),
      "inferred": model?.loading.isInferred == true ? .bool(true) : nil,
      "parameters": .integer(parameterCount),
      "buffers": .integer(bufferCount),
      "bytes": .integer(byteCount),
      "tensors": .array(
        tensors.map { tensor in
          .object([
            "name": .string(tensor.name), "dtype": .string(tensor.dtype.rawValue),
            "shape": .array(tensor.shape.axes.map { .integer($0) }),
            "bytes": .integer(tensor.byteCount),
            "encoding": tensor.payload.map { .string($0.encoding.name) },
            "storedBytes": tensor.payload.map { .integer($0.byteCount) },
            "bitsPerElement": tensor.bitsPerElement.map { .number($0) },
            "step": tensor.payload?.encoding.step.map { .number($0) },
            "signalToNoise": tensor.payload?.encoding.signalToNoise.map { .number($0) },
          ])
        }),
      "modules": modules(tree()),
      "ignored": .array(ignored.map(\.json)),
      "warnings": .array(warnings.map { .string($0) }),
      "provenance": provenance.json,
    ])
  }

  private func modules(_ tree: ModuleTree) -> JSON {
    .array(
      tree.children.map { child in
        .object([
          "name": .string(child.name), "parameters": .integer(child.parameters),
          "buffers": .integer(child.buffers),
          "modules": child.children.isEmpty ? nil : modules(child),
        ])
      })
  }
}
