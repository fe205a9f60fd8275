internal import Synchronization

/// What a file holds, as far as its index tells: also of a file that is no ResNet.
public struct Inspection: Sendable {
  /// A tensor as the file lists it.
  public struct Tensor: Sendable {
    fileprivate let lazy: LazyTensor
    /// Its name in the file.
    public let name: String
    /// Its dtype.
    public var dtype: DType { lazy.dtype }
    /// Its shape.
    public var shape: Shape { lazy.shape }
    /// Whether it is a buffer: by the file's word or, where it says nothing, by torch's names for buffers.
    public let isBuffer: Bool
    /// How it lies in a `.resect` file; nothing for other formats.
    public let payload: NativePayload?

    /// Bytes of its elements.
    public var byteCount: Int { lazy.byteCount }

    /// Bits that an element takes in a `.resect` file, on average.
    public var bitsPerElement: Double? {
      guard let payload, shape.elementCount > 0 else { return nil }
      return Double(payload.byteCount) * 8 / Double(shape.elementCount)
    }
  }

  /// The path by which the file was opened.
  public let path: String
  /// The file's size in bytes.
  public let fileSize: UInt64
  /// The format: `torch-zip`, `torch-stream`, `torch-tar`, `safetensors`, `hdf5`, `keras` or `resect`.
  public let format: String
  /// The tensors, in the file's order.
  public let tensors: [Tensor]
  /// The model, if the tensors form one.
  public let model: Model?
  /// Why there is no model.
  public let whyNoModel: ResectError?
  /// Why the file holds no ResNet: that there is no model, or that the model is another network.
  public var whyNoResNet: ResectError? { whyNoModel ?? model?.loading.whyNoResNet }
  /// The key under which the state dict lies.
  public let key: String?
  /// What all names begin with and means nothing.
  public let prefix: String
  /// What is no part of the model, and why.
  public let ignored: [Checkpoint.Ignored]
  /// What a person should know.
  public let warnings: [String]
  /// Where the model comes from, as far as the file says.
  public let provenance: Provenance
  private let file: InputFile

  /// Reads the index of the file at `path`.
  ///
  /// Throws where the file is of no known format, damaged or unsafe; a file whose tensors form no ResNet is no error.
  public init(path: String, options: OpenOptions = OpenOptions()) throws(ResectError) {
    self.path = path
    let opened: Result<Model, ResectError>
    switch try Container(path: path, options: options) {
    case .checkpoint(let checkpoint):
      file = checkpoint.file
      format = checkpoint.format.rawValue
      tensors = checkpoint.tensors.map {
        Tensor(name: $0.name, tensor: $0.tensor, isBuffer: $0.isBuffer)
      }
      (key, prefix) = (checkpoint.key, checkpoint.prefix)
      opened = Result { () throws(ResectError) in try Model(checkpoint, options: options) }
      ignored = (try? opened.get())?.loading.ignored ?? checkpoint.ignored
    case .native(let native, let file):
      self.file = file
      format = Container.nativeFormat
      tensors = zip(native.tensors, native.payloads).map {
        Tensor(name: $0.name, tensor: $0.tensor, isBuffer: nil, payload: $1)
      }
      (key, prefix, ignored) = (nil, "", [])
      // Resect wrote it: what is wrong with it is an error.
      opened = .success(try Model(native, from: file, options: options))
    }
    fileSize = file.size
    switch opened {
    case .success(let model):
      self.model = model
      whyNoModel = nil
      warnings = model.loading.warnings
      provenance = model.pastProvenance
    case .failure(let error):
      model = nil
      whyNoModel = error
      warnings = []
      provenance = Provenance()
    }
  }

  /// The modules that the tensors' names form, without the prefix, down to `depth` levels.
  public func tree(depth: Int = 64) -> ModuleTree { ModuleTree(tensors, prefix: prefix, depth: depth) }

  /// Elements that are trained, as torch counts parameters.
  public var parameterCount: Int { count { !$0.isBuffer } }

  /// Elements of buffers.
  public var bufferCount: Int { count { $0.isBuffer } }

  /// Bytes of all tensors' elements.
  public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }

  /// The file's SHA-256, for which all of it is read, and a warning where the file's name promises another.
  public func digest() throws(ResectError) -> (sha256: String, warning: String?) {
    let digest = try file.digest()
    return (digest, SourceFile(file: file, format: format).digestWarning(digest))
  }

  /// Reads every tensor: compares the checksums that the file holds, and counts the values that are not finite, which are
  /// returned by tensor.
  ///
  /// Throws where a tensor cannot be read or is damaged.
  public func verify() throws(ResectError) -> [(name: String, notFinite: Int)] {
    let counts = Mutex([Int](repeating: 0, count: tensors.count))
    do throws(ResectError) {
      try parallelForEach(count: tensors.count) { index throws(ResectError) in
        do throws(ResectError) {
          let count = try tensors[index].lazy.notFiniteCount()
          counts.withLock { $0[index] = count }
        } catch {
          throw error.located(tensor: tensors[index].name)
        }
      }
    } catch {
      throw error.located(file: path)
    }
    return zip(tensors, counts.withLock { $0 }).filter { $0.1 > 0 }.map { ($0.name, $1) }
  }

  private func count(_ isCounted: (Tensor) -> Bool) -> Int {
    tensors.reduce(0) { $0 + (isCounted($1) ? $1.shape.elementCount : 0) }
  }
}

extension Inspection.Tensor {
  fileprivate init(name: String, tensor: LazyTensor, isBuffer: Bool?, payload: NativePayload? = nil) {
    self.name = name
    self.payload = payload
    lazy = tensor
    let last = name.utf8.lastIndex(of: UInt8(ascii: ".")).map { name[name.utf8.index(after: $0)...] }
    let kind = ParameterPath.Kind(rawValue: last.map(String.init) ?? name)
    self.isBuffer = isBuffer ?? kind?.isBuffer ?? false
  }
}
