/// Copies the tensors of any model from container to container under their own names: nothing is mapped, and
/// nothing computed but the dtype that `options` asks for.
///
/// Writes safetensors and torch's zip; `.resect` files hold ResNets. Takes whatever `Checkpoint` reads, and `.resect` files.
@discardableResult
public func copyTensors(
  from input: String, to output: String, open: OpenOptions = OpenOptions(),
  options: WriteOptions = WriteOptions(), progress: WriteProgress? = nil
) throws(ResectError) -> (report: WriteReport, tensors: Int, ignored: [Checkpoint.Ignored]) {
  let format = try options.format(for: output)
  let tensors: [OutputTensor]
  var metadata: [(name: String, value: String)] = format == .safetensors ? [("format", "pt")] : []
  var ignored: [Checkpoint.Ignored] = []
  let source: InputFile
  switch try Container(path: input, options: open) {
  case .checkpoint(let checkpoint):
    tensors = checkpoint.tensors.map {
      OutputTensor(name: $0.name, tensor: $0.tensor, dtype: options.stored($0.tensor))
    }
    if !checkpoint.metadata.isEmpty {
      metadata = checkpoint.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    ignored = checkpoint.ignored
    source = checkpoint.file
  case .native(let native, let file):
    tensors = native.tensors.map {
      OutputTensor(name: $0.name, tensor: $0.tensor, dtype: options.stored($0.tensor))
    }
    source = file
  }
  let file = try OutputFile(
    path: output, overwrite: options.overwrites, inputs: [source.identity])
  do throws(ResectError) {
    switch format {
    case .resect:
      throw ResectError(
        .badArgument, "a .resect file holds a ResNet, not just any tensors",
        advice: "write .safetensors or .pth", file: output)
    case .safetensors: try writeSafetensors(tensors, metadata: metadata, to: file, progress: progress)
    case .torch: try writeTorchZip(tensors, metadata: metadata, to: file, progress: progress)
    }
    let bytes = try file.committed()
    let report = WriteReport(format: format, bytes: bytes, digests: [], warnings: [], proof: nil)
    return (report, tensors.count, ignored)
  } catch {
    throw error.located(file: input)
  }
}
