internal import ResectGraphs
internal import Synchronization

/// A format that models are written in.
public enum OutputFormat: String, Sendable, Hashable, CaseIterable {
  /// Resect's own.
  case resect
  /// Hugging Face's safetensors, with the names of the model's convention.
  case safetensors
  /// A state dict as torch.save writes it, with the names of the model's convention.
  case torch
  /// HDF5: weights as Keras wrote them before version 3, for its own applications.
  case hdf5
  /// HDF5: weights as Keras 3 writes them, for its own applications.
  case kerasWeights = "keras-weights"
  /// The archive of Keras 3: weights and what the model is built from.
  case keras

  /// What the names of such files end in; the first is the usual one.
  public var fileExtensions: [String] {
    switch self {
    case .resect: ["resect"]
    case .safetensors: ["safetensors"]
    case .torch: ["pth", "pt"]
    case .hdf5: ["h5", "hdf5"]
    case .kerasWeights: ["weights.h5"]
    case .keras: ["keras"]
    }
  }

  /// The format that the extension of `path` says.
  public init(path: String) throws(ResectError) {
    // The longest ending decides: .weights.h5 is no .h5.
    let endings = OutputFormat.allCases.flatMap { format in format.fileExtensions.map { (format, ".\($0)") } }
    let name = path.split(separator: "/").last ?? ""
    let fitting = endings.filter { name.hasSuffix($0.1) }.max { $0.1.utf8.count < $1.1.utf8.count }
    guard let format = fitting?.0 else {
      let known = OutputFormat.allCases.flatMap(\.fileExtensions).map { ".\($0)" }.joined(separator: ", ")
      throw ResectError(
        .badArgument, "the extension says no format that is written: \(known) are",
        advice: .sayFormat, file: path)
    }
    self = format
  }
}

/// How the weights lie in a `.resect` file. Other formats know no encodings.
public enum WeightEncoding: Sendable, Hashable {
  /// As they are in memory, so that a program maps the file and uses them in place.
  case store
  /// Without loss, in less room where that can be had.
  case lossless
  /// In multiples of a step each, which is given by the tensor's name in the tree (`stem.conv.weight`): those tensors read back as
  /// float32, each value a multiple, the nearest by default. All others are encoded without loss.
  case quantized(steps: [String: Double], rounding: StepRounding = .nearest)

  /// What becomes of the tensor that the tree names `name`.
  func choice(for name: String) -> EncodingChoice {
    switch self {
    case .store: .store
    case .lossless: .lossless
    case .quantized(let steps, let rounding):
      steps[name].map { .quantized(step: $0, rounding: rounding) } ?? .lossless
    }
  }
}

/// How a model is written.
public struct WriteOptions: Sendable {
  /// The format; by default what the path's extension says.
  public var format: OutputFormat?
  /// The dtype of the weights with two or more axes; by default each tensor keeps its own. Vectors (biases, scales, statistics)
  /// are then float32, and integers stay what they are.
  public var dtype: DType?
  /// How the weights of a `.resect` file are encoded.
  public var encoding: WeightEncoding
  /// Whether an existing file is replaced.
  public var overwrites: Bool
  /// Whether the network is run before and after its surgeries, and how far the two may differ.
  public var verification: Verification
  /// Whether a file is written under the names of a framework whose code computes something else, or cannot load it: for code of
  /// one's own that has the same names. The file says so.
  public var allowsDifferentCode: Bool

  /// Options.
  public init(
    format: OutputFormat? = nil, dtype: DType? = nil, encoding: WeightEncoding = .lossless,
    overwrites: Bool = false, verification: Verification = .prove(), allowsDifferentCode: Bool = false
  ) {
    self.format = format
    self.dtype = dtype
    self.encoding = encoding
    self.overwrites = overwrites
    self.verification = verification
    self.allowsDifferentCode = allowsDifferentCode
  }

  /// The format that `path` is written in.
  func format(for path: String) throws(ResectError) -> OutputFormat {
    if let format { return format }
    return try OutputFormat(path: path)
  }
}

/// What was written.
public struct WriteReport: Sendable {
  /// The format.
  public let format: OutputFormat
  /// How many bytes the file has.
  public let bytes: UInt64
  /// The sources' SHA-256, where they were computed: a `.resect` file keeps them.
  public let digests: [String]
  /// What came up while the weights were read.
  public let warnings: [String]
  /// What running the network before and after showed; absent where nothing changed, and where nobody wanted it.
  public let proof: Proof?
  /// What reading the file again showed, before it had its name; absent where nobody wanted it.
  public let rereading: Rereading?
}

extension Model {
  /// Pulls every tensor through and writes the model to `path`, whole or not at all.
  ///
  /// Reading, arithmetic, the sources' digests and writing go on at the same time on all cores. The same input gives the same
  /// bytes. Throws where the output exists (and may not be replaced) or is one of the sources, where a tensor cannot be read
  /// or is damaged, where a value does not fit the dtype, and where the network does not do what its surgeries promise.
  @discardableResult
  public func write(
    to path: String, options: WriteOptions = WriteOptions(), progress: WriteProgress? = nil
  ) throws(ResectError) -> WriteReport {
    let target = try target(path, options)
    let storage = storage(options, format: target.format)
    let proof = try proved(nil, options, storage)
    let file = try pulled(
      to: target, storage, options, records(proof, options, storage), proof, progress: progress)
    return try reread(file, storage, options).committed()
  }

  /// Writes the two halves of a split: both, or neither, but for what `OutputFile.committed(_:_:)` says.
  public static func write(
    _ first: (model: Model, path: String), _ second: (model: Model, path: String),
    options: WriteOptions = WriteOptions(), progress: WriteProgress? = nil
  ) throws(ResectError) -> (first: WriteReport, second: WriteReport) {
    let firstTarget = try first.model.target(first.path, options)
    let secondTarget = try second.model.target(second.path, options)
    let storage = first.model.storage(options, format: firstTarget.format)
    let otherStorage = second.model.storage(options, format: secondTarget.format)
    let proof = try first.model.proved(second.model, options, storage)
    let one = try first.model.reread(
      first.model.pulled(
        to: firstTarget, storage, options, first.model.records(proof, options, storage), proof, progress: progress),
      storage, options)
    let other = try second.model.reread(
      second.model.pulled(
        to: secondTarget, otherStorage, options, second.model.records(proof, options, otherStorage), proof,
        progress: progress),
      otherStorage, options)
    if options.verification != .skip { try first.model.checkJoining(one.file, other.file) }
    return try PulledFile.committed(one, other)
  }

  /// ``prove(with:_:_:)``, with the file and its own names in errors.
  private func proved(
    _ classes: Model?, _ options: WriteOptions, _ storage: Storage
  ) throws(ResectError) -> Proof? {
    do throws(ResectError) {
      return try prove(with: classes, options, storage)
    } catch {
      var error = error
      // A network that cannot run is no reason not to write it, but one to say so.
      if error.code == .notApplicable { error.advice = error.advice ?? .skipProof }
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }

  /// Begins the file that the model will be written to, before any work is done for it.
  private func target(_ path: String, _ options: WriteOptions) throws(ResectError) -> Target {
    let format = try options.format(for: path)
    guard quantization == nil || format == .resect && options.dtype == nil else {
      throw ResectError(.badArgument, "quantised weights are float32 in a .resect file, nothing else", file: path)
    }
    if case .graph = content, ![.resect, .safetensors, .keras].contains(format) {
      throw ResectError(
        .unsupported,
        "this network is no ResNet: it can be written as .resect and as .keras, and its weights alone as .safetensors",
        file: path)
    }
    guard integers == nil || format == .resect && options.dtype == nil && options.encoding.steps.isEmpty else {
      throw ResectError(.badArgument, "8-bit integers are for .resect files, and no other dtype or steps", file: path)
    }
    try checkCode(format, options, path)
    let file = try OutputFile(
      path: path, overwrite: options.overwrites, inputs: sources.map(\.file.identity))
    return Target(file: file, format: format)
  }

  /// Writes all bytes; the file has no name yet.
  private func pulled(
    to target: consuming Target, _ storage: Storage, _ options: WriteOptions, _ records: [JSON], _ proof: Proof?,
    progress: WriteProgress?
  ) throws(ResectError) -> PulledFile {
    let format = target.format
    let file = target.file
    var warnings: [String] = []
    do throws(ResectError) {
      switch format {
      case .resect:
        let digests = Digests(of: sources)
        let header = nativeHeader(records)
        try writeNative(
          try outputTensors(.tree, storage), to: file, encoding: { storage.choice(for: $0.name) }, progress: progress,
          alongside: { () throws(ResectError) in try digests.compute() },
          header: { () throws(ResectError) in header(digests.values) })
        warnings = zip(sources, digests.values).compactMap { $0.digestWarning($1) }
        if fileCalibration != nil, integers == nil {
          warnings.append("the 8-bit integers of the file that was read are written as the floats that they stand for")
        }
        return PulledFile(
          file: file, format: format, digests: digests.values, warnings: warnings, proof: proof)
      case .safetensors:
        warnings = otherReadersWarnings + codeWarnings
        let named = namedForFile
        // `format` tells other readers that the names are torch's.
        let metadata = [("format", "pt")] + named.metadata(records, format, options).strings
        try writeSafetensors(named.namedTensors(storage), metadata: metadata, to: file, progress: progress)
      case .torch:
        warnings = otherReadersWarnings + codeWarnings
        let named = namedForFile
        let metadata = named.metadata(records, format, options).strings
        try writeTorchZip(named.namedTensors(storage), metadata: metadata, to: file, progress: progress)
      case .hdf5, .kerasWeights, .keras:
        let application = try kerasApplication(for: format, storage)
        try checkNames(application.convention)
        warnings = application.warnings
        // Only an archive holds the layers that normalise the input.
        if format != .keras || inputNormalization?.isInKeras != true { warnings += otherReadersWarnings }
        var written = self
        written.convention = application.convention
        let metadata = ResectMetadata(of: written, surgeries: records).strings
        try application.write(as: format, metadata: metadata, to: file, progress: progress)
      }
      return PulledFile(file: file, format: format, digests: [], warnings: warnings, proof: proof)
    } catch {
      throw error.renamed(by: convention).located(file: sources.first?.file.path)
    }
  }

  /// What Resect writes beside the tensors under the names of a convention.
  private func metadata(_ records: [JSON], _ format: OutputFormat, _ options: WriteOptions) -> ResectMetadata {
    var metadata = ResectMetadata(of: self, surgeries: records)
    if options.allowsDifferentCode { metadata.differentCode = newCodeDifferences.map(\.description) }
    return metadata
  }

  /// Reads the file again and compares it with what should be there.
  private func reread(
    _ pulled: consuming PulledFile, _ storage: Storage, _ options: WriteOptions
  ) throws(ResectError) -> PulledFile {
    guard options.verification != .skip else { return pulled }
    let rereading = try reread(pulled.file, pulled.format, storage, certifies: pulled.proof != nil)
    if let certified = rereading.certified, certified != certifiableCount(storage) {
      throw ResectError(
        .notProved, "only \(certified) of \(certifiableCount(storage)) weights of the written file could be compared",
        advice: .skipProof, file: pulled.file.path)
    }
    return PulledFile(
      file: pulled.file, format: pulled.format, digests: pulled.digests, warnings: pulled.warnings,
      proof: pulled.proof, rereading: rereading)
  }

  /// The model's layers for a file of Keras.
  func kerasApplication(
    for format: OutputFormat, _ storage: Storage
  ) throws(ResectError) -> KerasApplication {
    switch content {
    case .network(let network):
      try KerasApplication(
        network, named: convention, isChosen: isConventionChosen, for: format, stored: { storage.dtype(of: $0) })
    case .graph(let graph): try KerasApplication(graph, stored: { storage.dtype(of: $0) })
    case .classes: throw ResectError(.unsupported, "Keras has no format for an embedding of classes alone")
    }
  }

  /// Refuses a convention that the caller chose where the format has names of its own.
  private func checkNames(_ own: Convention) throws(ResectError) {
    guard isConventionChosen, convention.name != own.name else { return }
    throw ResectError(
      .badArgument, "a file of Keras has its layers' names, not those of \(convention.name)",
      advice: .keepNames)
  }

  /// How many bytes a `.resect` file of the model has at most.
  func nativeByteCount() throws(ResectError) -> UInt64 {
    let options = WriteOptions()
    let storage = storage(options, format: .resect)
    let header = nativeHeader(records(nil, options, storage))(
      sources.map { _ in String(repeating: "0", count: 64) })
    let bytes = try ResectNativeFormat.nativeByteCount(
      try outputTensors(.tree, storage), encoding: { storage.choice(for: $0.name) }, header: header)
    return bytes + UInt64(surgeries.count * Proof.largestJSON)
  }

  /// What other readers of the file cannot know, because it is no tensor.
  private var otherReadersWarnings: [String] {
    guard inputNormalization != nil else { return [] }
    return [
      "only Resect knows of this file that the network normalises its input: in other programs it has to be normalised before"
    ]
  }

  /// The model under names that can be read back. Those of a network tell by its structure what they mean, whatever they are; a
  /// matrix alone has no structure, and needs the names of a known convention.
  private var namedForFile: Model {
    guard case .classes(let classes) = content else { return self }
    var named = self
    named.convention = convention.forWritingClasses(layer: classes.layer)
    return named
  }

  /// The model under the names of another convention, which it is written by from now on.
  ///
  /// Throws `ResectError.Code.unsupported` where the convention has no name for a tensor.
  public func named(by convention: Convention) throws(ResectError) -> Model {
    var named = self
    named.convention = convention
    named.isConventionChosen = true
    switch content {
    case .network(let network):
      do throws(ResectError) {
        let fitted = try convention.fitted(to: network)
        named.convention = fitted.convention
        named.loading.warnings += fitted.warnings
      } catch {
        throw error.located(file: sources.first?.file.path)
      }
    case .graph:
      throw ResectError(
        .unsupported,
        "the network is no ResNet: its tensors have the names of its own layers, which \(convention.name) does not know",
        advice: .keepNames, file: sources.first?.file.path)
    case .classes(let classes):
      let weight = ParameterPath(.classifier(layer: classes.layer), .weight)
      guard convention.hasName(for: weight) else {
        throw ResectError(
          .unsupported, "the convention \(convention.name) has no name for \(weight)",
          advice: "\(Convention.torchvision.name) has", file: sources.first?.file.path)
      }
    }
    return named
  }

  /// Every tensor under the name that the model's convention has for it.
  func namedTensors(_ storage: Storage) throws(ResectError) -> [OutputTensor] {
    guard case .network(let network) = content else { return try outputTensors(convention, storage) }
    return try outputTensors(convention.forWriting(network).fitted(to: network).convention, storage)
  }

  /// Every tensor under the name that `convention` gives it; a count of batches only where there is one.
  private func outputTensors(
    _ convention: Convention, _ storage: Storage
  ) throws(ResectError) -> [OutputTensor] {
    func output(_ path: ParameterPath, _ tensor: LazyTensor) -> OutputTensor {
      OutputTensor(
        name: convention.name(of: path), tensor: tensor, dtype: storage.dtype(of: tensor, at: path))
    }
    switch content {
    case .network(let network):
      let named = network.parameters.filter { $0.path.kind != .batchesTracked || convention.hasName(for: $0.path) }
      return try named.map { parameter throws(ResectError) in
        guard convention.convolvesClassifier, case .classifier = parameter.path.module, parameter.path.kind == .weight
        else { return output(parameter.path, parameter.tensor) }
        return output(parameter.path, try parameter.tensor.reshaped(parameter.tensor.shape.axes + [1, 1]))
      }
    case .graph(let graph):
      return graph.parameters.map {
        OutputTensor(name: $0.name, tensor: $0.tensor, dtype: storage.dtype(of: $0.tensor, named: $0.name))
      }
    case .classes(let classes):
      let module = ModulePath.classifier(layer: classes.layer)
      return [output(.init(module, .weight), classes.weight)]
        + (classes.bias.map { [output(.init(module, .bias), $0)] } ?? [])
    }
  }

  /// All surgeries as they stand in the file, those of this run with their proof.
  private func records(_ proof: Proof?, _ options: WriteOptions, _ storage: Storage) -> [JSON] {
    let outcome =
      proof?.json(certified: certifiableCount(storage)) ?? (options.verification == .skip ? .string("skipped") : nil)
    var done = surgeries
    if storage.hasGivenSteps {
      done.append(
        SurgeryRecord(
          name: "quantize", parameters: .object(["steps": .string("given")]),
          report: .object(["tensors": .integer(storage.encoding.steps.count)]), summary: ""))
    } else if done.isEmpty, proof != nil, let dtype = options.dtype {
      done = [
        SurgeryRecord(
          name: "store", parameters: .object(["dtype": .string(dtype.rawValue)]), report: .null, summary: "")
      ]
    }
    return pastProvenance.surgeries
      + done.map { record in
        .object([
          "surgery": .string(record.name), "parameters": record.parameters, "report": record.report, "proof": outcome,
        ])
      }
  }

  /// The header of the file, once the sources' digests are known.
  private func nativeHeader(_ records: [JSON]) -> @Sendable ([String]) -> NativeHeader {
    let kind: NativeHeader.Kind
    switch content {
    case .network(let network):
      kind = network.head.isEmpty ? .backbone(network.architecture) : .network(network.architecture)
    case .graph(let graph): kind = .graph(graph)
    case .classes(let classes): kind = .classes(hasConstantFeature: classes.hasConstantFeature)
    }
    // The names of a graph's tensors are those of its nodes.
    let convention: String? = if case .graph = content { nil } else { convention.name }
    return { digests in
      var provenance = pastProvenance
      provenance.sources += zip(sources, digests).map {
        .init(name: $0.name, format: $0.format, sha256: $1)
      }
      provenance.surgeries = records
      return NativeHeader(
        kind: kind, convention: convention, labels: labels, preprocessing: preprocessing,
        calibration: integers?.ranges, provenance: provenance)
    }
  }
}

/// A file that has been begun.
private struct Target: ~Copyable {
  let file: OutputFile
  let format: OutputFormat
}

/// A file that is written but has no name yet.
private struct PulledFile: ~Copyable {
  let file: OutputFile
  let format: OutputFormat
  let digests: [String]
  let warnings: [String]
  let proof: Proof?
  var rereading: Rereading?

  consuming func committed() throws(ResectError) -> WriteReport {
    let report = report
    return report(try file.committed())
  }

  /// Two files that belong together.
  static func committed(
    _ first: consuming PulledFile, _ second: consuming PulledFile
  ) throws(ResectError) -> (first: WriteReport, second: WriteReport) {
    let reports = (first.report, second.report)
    let bytes = try OutputFile.committed(first.file, second.file)
    return (reports.0(bytes.first), reports.1(bytes.second))
  }

  /// What was written, once its bytes are counted.
  private var report: (UInt64) -> WriteReport {
    let (format, digests, warnings, proof, rereading) = (format, digests, warnings, proof, rereading)
    return {
      WriteReport(
        format: format, bytes: $0, digests: digests, warnings: warnings, proof: proof, rereading: rereading)
    }
  }
}

/// The SHA-256 of files, computed beside other work.
private final class Digests: Sendable {
  private let sources: [SourceFile]
  private let computed = Mutex<[String]>([])

  init(of sources: [SourceFile]) { self.sources = sources }

  func compute() throws(ResectError) {
    var values: [String] = []
    for source in sources { values.append(try source.file.digest()) }
    computed.withLock { $0 = values }
  }

  var values: [String] { computed.withLock { $0 } }
}
