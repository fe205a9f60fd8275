public import ResectBytes
public import ResectTensors

/// What a file holds: tensors by name that nobody has read yet, and what the file says beside them.
///
/// Every reader gives the same, whatever the container: nothing here knows of networks.
public struct Checkpoint: Sendable {
  /// The container.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// torch.save since 1.6.
    case torchZip = "torch-zip"
    /// torch.save from 0.1.10 to 1.5.
    case torchStream = "torch-stream"
    /// torch.save before 0.1.10.
    case torchTar = "torch-tar"
    /// Hugging Face's safetensors.
    case safetensors
    /// Any HDF5 file, those of Keras among them.
    case hdf5
    /// The zip that Keras 3 writes: an HDF5 file and a configuration.
    case keras
  }

  /// A tensor and its name.
  public struct Entry: Sendable {
    /// The name as it stands in the file, without the keys that wrap the state dict.
    public let name: String
    /// The tensor.
    public let tensor: LazyTensor
    /// Whether it is a buffer, where the file tells.
    public let isBuffer: Bool?
  }

  /// Something that the file holds and that is no part of the model.
  public struct Ignored: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Why it is left out.
    public let reason: String

    /// Something ignored.
    public init(name: String, reason: String) {
      self.name = name
      self.reason = reason
    }
  }

  /// The file.
  public let file: InputFile
  /// The container.
  public let format: Format
  /// The tensors of the model, in the file's order.
  public let tensors: [Entry]
  /// What all names begin with and means nothing, as `module.`; often empty.
  public let prefix: String
  /// The key under which the state dict lies, as `state_dict`; absent where nothing wraps it.
  public let key: String?
  /// What was left out, and why.
  public let ignored: [Ignored]
  /// What a whole pickled module says of its layers, by their names with the prefix; empty for a state dict.
  public let modules: [String: ModuleFacts]
  /// The names of the modules that a state dict says it was made of, those without tensors too, with the prefix; empty where it does
  /// not say.
  public internal(set) var submodules: Set<String> = []
  /// Text beside the tensors, as safetensors' `__metadata__`.
  public let metadata: [String: String]
  /// What an HDF5 file or a .keras archive says beside its tensors; absent in other containers.
  public internal(set) var hdf5: HDF5Content?
  /// What Keras says of its layers, or why that is not understood; absent in files that Keras did not write.
  public internal(set) var keras: Result<KerasModel, ResectError>?

  /// The tensors' names without the prefix.
  public var strippedTensors: [Entry] {
    guard !prefix.isEmpty else { return tensors }
    return tensors.map {
      Entry(
        name: String($0.name.dropFirst(prefix.count)), tensor: $0.tensor, isBuffer: $0.isBuffer)
    }
  }
}

/// What a whole pickled module says of one layer: its class and its hyper-parameters.
public struct ModuleFacts: Sendable, Hashable {
  /// The class's module and name, as `torch.nn.modules.conv.Conv2d`.
  public let className: String
  /// Numbers and tuples of numbers by their attribute's name, as `stride`.
  public let numbers: [String: [Double]]
  /// Texts by their attribute's name, as `padding_mode`.
  public let texts: [String: String]
}

/// Prefixes that wrappers put before every name, and that say nothing.
private let meaninglessPrefixes = [
  "module.", "model.", "_orig_mod.", "backbone.", "encoder.", "encoder_q.", "resnet.",
]

/// The longest sequence of meaningless prefixes that all names share.
func commonPrefix(of names: [String]) -> String {
  guard !names.isEmpty else { return "" }
  var prefix = ""
  while let next = meaninglessPrefixes.first(where: { candidate in
    names.allSatisfy { $0.hasPrefix(prefix + candidate) && $0.utf8.count > (prefix + candidate).utf8.count }
  }) {
    prefix += next
  }
  return prefix
}
