import ResectGraphs
import Resect
import ResectTestSupport
import Testing

/// Checkpoints of real Keras run as Keras runs them: `Tests/Fixtures/keras/make_keras.py` writes both.
@Suite struct KerasTests {
  private func model(_ name: String) throws -> Model { try Model(contentsOf: Fixtures.path("keras/\(name)")) }

  @Test(arguments: [
    ("home-made", "home-made.h5"), ("home-made", "home-made.keras"), ("bottlenecks", "bottlenecks.keras"),
    ("prepared", "prepared.h5"), ("prepared", "prepared.keras"), ("prepared-given", "prepared-given.keras"),
    ("keras2-prepared", "keras2-prepared.h5"),
    ("input-projections", "input-projections.keras"), ("within", "within.h5"), ("within", "within.keras"),
    ("v1", "v1.keras"), ("v1", "v1.weights.h5"),
    ("v1", "v1.names.h5"),
    ("v2", "v2.h5"), ("v2", "v2.weights.h5"), ("v2", "v2.names.h5"), ("keras2-home-made", "keras2-home-made.h5"),
    ("keras2-before-2019", "keras2-before-2019.h5"), ("keras2-bottlenecks", "keras2-bottlenecks.keras"),
    ("before-2019", "before-2019.names.h5"), ("keras2-before-2019", "keras1-tf-theano.h5"),
    ("keras2-before-2019", "keras1-th-tensorflow.h5"), ("keras2-before-2019", "keras1-th-theano.h5"),
  ])
  func `a network computes what Keras does`(_ reference: String, _ file: String) throws {
    let model = try model(file)
    let images = try Batch(numPyFile: Fixtures.path("keras/\(reference).input.npy"))
    var plain = SessionOptions()
    (plain.usesReference, plain.isExact) = (true, true)
    for options in [SessionOptions(), plain] {
      let logits = try Session(model.network, options: options).run(images)
      let difference = try logits.difference(fromNumPyFile: Fixtures.path("keras/\(reference).logits.npy"))
      #expect(difference < 2e-5, "\(file)")
    }
  }

  @Test func `the description in the file says what weights do not`() throws {
    let homeMade = try #require(try model("home-made.keras").architecture)
    #expect(homeMade.epsilon == .init(1e-3, from: .graph))
    #expect(homeMade.padding == .same)
    #expect(homeMade.hasConvolutionBias)
    #expect(homeMade.absentNorms == [.shortcutNorm(stage: 2, block: 0), .shortcutNorm(stage: 3, block: 0)])
    let bottlenecks = try #require(try model("bottlenecks.keras").architecture)
    #expect(bottlenecks.epsilon == .init(2e-5, from: .graph))
    #expect(bottlenecks.stridePlacement == .init(.v15, from: .graph))
    #expect(bottlenecks.stemPooling == .same)
    #expect(try model("keras2-bottlenecks.keras").architecture?.stemPooling == .unpadded)
    let preactivated = try #require(try model("v2.h5").architecture)
    #expect(preactivated.isPreactivated && preactivated.stridedBlocks == .last)
    #expect(preactivated.stemPooling == .symmetricZeros)
  }

  @Test(arguments: [
    ("v1.keras", "keras", "keras-caffe"), ("v1.names.h5", "keras", "keras-caffe"), ("v2.h5", "keras-v2", "keras-tf"),
    ("v2.weights.h5", "keras-v2", "keras-tf"), ("before-2019.names.h5", "keras-legacy", "keras-caffe"),
    ("home-made.h5", "model graph", nil),
  ])
  func `names that Keras gives its own networks are its conventions`(
    _ file: String, _ convention: String, _ preprocessing: String?
  ) throws {
    let model = try model(file)
    #expect(model.convention.name == convention)
    #expect(model.preprocessing.value?.name == preprocessing)
  }

  @Test(arguments: ["many-layers.h5", "many-layers.keras"])
  func `a network that is no ResNet is the graph that its file describes, and says why it is none`(_ file: String)
    throws
  {
    let model = try model(file)
    guard case .graph(let graph) = model.content else { throw ResectError(.notApplicable, "no graph") }
    #expect(graph.outputs.map(\.name) == ["logits", "probabilities"])
    #expect(model.loading.whyNoResNet?.tensor == "concatenate_1" && model.loading.ignored.isEmpty)
    #expect(model.classCount == 5 && model.inputChannels == 3)
    let refused = #expect(throws: ResectError.self) { try model.network }
    #expect(refused?.code == .notAResNet && refused?.tensor == "concatenate_1")
    var options = OpenOptions()
    options.network.epsilon = 1e-3
    let contradicted = #expect(throws: ResectError.self) {
      try Model(contentsOf: Fixtures.path("keras/\(file)"), options: options)
    }
    #expect(contradicted?.code == .badArgument)
  }

  @Test func `names alone say what they imply, and a doubt is told`() throws {
    let named = try model("v2.names.h5")
    #expect(named.architecture?.epsilon == .init(1.001e-5, from: .convention("keras-v2")))
    #expect(named.architecture?.stridedBlocks == .last)
    let old = try model("before-2019.names.h5")
    #expect(old.architecture?.epsilon.value == 1e-3)
    #expect(old.loading.warnings.contains { $0.contains("before 2018") })
    #expect(try !model("keras2-before-2019.h5").loading.warnings.contains { $0.contains("before 2018") })
  }

  @Test func `an eps for each batch-norm, paddings that differ and layers for the image are read`() throws {
    for file in ["prepared.h5", "prepared-given.keras"] {
      let model = try model(file)
      let architecture = try #require(model.architecture)
      #expect(architecture.epsilon == .init(1e-3, from: .graph))
      #expect(
        architecture.epsilonExceptions == [
          .norm(stage: 1, block: 0, index: 1): 2e-2, .norm(stage: 1, block: 0, index: 2): 1e-5,
          .norm(stage: 2, block: 0, index: 2): 3e-3, .norm(stage: 3, block: 0, index: 2): 5e-3,
        ])
      #expect(architecture.padding == .same && architecture.paddingExceptions == [.stemConvolution])
      #expect(architecture.inputNormalization?.scale == 1 / 127.5)
      #expect(model.preprocessing.value == nil)
      #expect(try Architecture(json: architecture.json) == architecture)
    }
    let given = try #require(try model("prepared-given.keras").architecture?.inputNormalization)
    #expect(given.mean == [1.1, 1.2, 0.9] && given.std == [0.2, 0.3, 0.25].map { $0.squareRoot() })
    let learnt = try model("prepared.h5")
    #expect(learnt.loading.ignored.map(\.name).filter { $0.hasPrefix("moments") }.count == 3)
    #expect(try model("input-projections.keras").architecture?.shortcut == .inputProjection)
  }

  @Test func `operations on the image that are no layers are its normalisation`() throws {
    let model = try model("prepared-application.keras")
    let images = try Batch(numPyFile: Fixtures.path("keras/prepared-application.input.npy"))
    let logits = try Session(model.network).run(images)
    // Means alone leave numbers of a hundred, and logits of hundreds.
    let largest = logits.values.map { Double(abs($0)) }.max() ?? 0
    #expect(
      try logits.difference(fromNumPyFile: Fixtures.path("keras/prepared-application.logits.npy")) < 2e-5 * largest)
    let application = try #require(model.architecture?.inputNormalization)
    #expect(application.channels == [2, 1, 0] && application.scale == 1)
    #expect(zip(application.mean, [103.939, 116.779, 123.68]).allSatisfy { abs($0 - $1) < 1e-5 })
    let homeMade = try #require(try self.model("keras2-prepared.h5").architecture?.inputNormalization)
    #expect(homeMade.channels == [2, 1, 0])
  }

  @Test func `surgeries give each batch-norm its own eps`() throws {
    let model = try model("prepared.h5")
    let images = try Batch(numPyFile: Fixtures.path("keras/prepared.input.npy"))
    for operated in [try model.foldingBatchNorm(), try model.rebasingEpsilon(to: 1e-4)] {
      #expect(
        operated.architecture?.epsilonExceptions.isEmpty
          != (operated.architecture?.normalization == Architecture.Normalization.none))
      let logits = try Session(operated.network).run(images)
      #expect(try logits.difference(fromNumPyFile: Fixtures.path("keras/prepared.logits.npy")) < 2e-5)
    }
  }

  @Test func `names that mean nothing outside their file are forgotten in silence, and what explained them is kept`()
    throws
  {
    let folder = try TemporaryFolder()
    try model("home-made.h5").write(to: folder.file("a.resect"))
    let model = try Model(contentsOf: folder.file("a.resect"))
    #expect(model.convention.name == "model graph" && model.loading.warnings.isEmpty)
    #expect(refusal { () throws(ResectError) in try model.write(to: folder.file("a.safetensors")) } == .unsupported)
    try model.write(to: folder.file("a.safetensors"), options: .init(allowsDifferentCode: true))
    #expect(try Model(contentsOf: folder.file("a.safetensors")).convention.name == "cifar-chenyaofo")
    var options = OpenOptions()
    options.network.mapping = try Model(contentsOf: folder.file("a.safetensors")).loading.mapping
    try Model(contentsOf: folder.file("a.safetensors"), options: options).write(to: folder.file("b.resect"))
    let mapped = try Model(contentsOf: folder.file("b.resect"))
    #expect(mapped.convention.name == "mapping" && mapped.loading.warnings.isEmpty)
  }

  @Test(arguments: ["home-made.weights.h5", "bottlenecks.weights.h5"])
  func `weights without a description, under names that say nothing, are refused with what is missing`(
    _ file: String
  ) throws {
    let refused = #expect(throws: ResectError.self) { try model(file) }
    #expect(refused?.advice?.text.contains("save the whole model") == true)
  }

  @Test func `the tensors of such a file are still listed, buffers apart`() throws {
    let inspection = try Inspection(path: Fixtures.path("keras/home-made.weights.h5"))
    #expect(inspection.model == nil)
    let listed = try Inspection(path: Fixtures.path("keras/v1.weights.h5"))
    #expect(listed.tensors.count { $0.isBuffer } == 2 * 15)
    #expect(try listed.parameterCount == listed.model?.network.parameterCount)
  }

  @Test func `what a file of Resect's keeps of such a network runs the same`() throws {
    let folder = try TemporaryFolder()
    for (reference, file) in [
      ("v2", "v2.h5"), ("home-made", "home-made.h5"), ("keras2-bottlenecks", "keras2-bottlenecks.keras"),
      ("prepared", "prepared.h5"), ("input-projections", "input-projections.keras"),
    ] {
      for output in ["resect", "safetensors", "folded.resect", "folded.safetensors"] {
        let path = folder.file("\(reference).\(output)")
        let model = try model(file)
        try (output.hasPrefix("folded") ? model.foldingBatchNorm() : model).write(
          to: path, options: .init(allowsDifferentCode: true))
        let images = try Batch(numPyFile: Fixtures.path("keras/\(reference).input.npy"))
        let logits = try Session(Model(contentsOf: path).network).run(images)
        let difference = try logits.difference(fromNumPyFile: Fixtures.path("keras/\(reference).logits.npy"))
        #expect(difference < 2e-5, "\(output)")
      }
    }
  }
}
