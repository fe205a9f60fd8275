internal import ArgumentParser
internal import Resect

struct NormalizeCommand: FileCommand {
  static let configuration = CommandConfiguration(
    commandName: "normalize",
    abstract: "Put mean, standard deviation and channel order into the network.",
    discussion: """
      The network then takes the pixels of a decoded image, 0 to 255, red first, and images are only resized and cropped. What \
      the preprocessing was, the input says, or --preprocessing does. The first layer that results gives the same bits; with \
      --fold there is none, and near the border the result differs, since the convolution pads with zeros. Other programs \
      know no such layer in a safetensors file.
      """)

  @OptionGroup var job: ModelJob
  @Flag(help: "Fold it into the first convolution.") var fold = false

  func files() throws(ResectError) -> FilesInUse { job.files }

  func run() throws { try job.write(job.read().normalizing(folds: fold)) }
}
