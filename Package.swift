// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with: the strictest checks that the toolchain offers.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// A library target of this package, built strictly.
func floor(_ name: String, on dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of the target `name`, in `Tests/<name>Tests`, beside the scripts that made their fixtures.
func tests(
  _ name: String, on dependencies: [Target.Dependency], scripts: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
    exclude: scripts, swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Resect",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Resect", targets: ["Resect"]),
    .executable(name: "resect", targets: ["ResectCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    // C libraries: a module map and a shim each, nothing else.
    .systemLibrary(
      name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    // C of our own: what Swift cannot call or compile.
    .target(name: "CPosix"),
    .target(name: "CTensorKernels"),
    .target(name: "CEntropyCoding"),

    // The ground floor, then two chains that meet only in Resect: containers and networks.
    floor("Bytes", on: ["CPosix", "CDeflate", "CCrypto"]),
    floor("Tensors", on: ["Bytes", "CTensorKernels"]),

    floor("Zip", on: ["Bytes", "CZip"]),
    floor("Pickle", on: ["Bytes"]),
    floor("Checkpoints", on: ["Bytes", "Tensors", "Zip", "Pickle"]),

    floor("ResNets", on: ["Bytes", "Tensors"]),
    floor("Naming", on: ["Bytes", "Tensors", "ResNets"]),
    floor("Surgery", on: ["Bytes", "Tensors", "ResNets"]),
    floor("NativeFormat", on: ["Bytes", "Tensors", "ResNets", "CEntropyCoding"]),

    floor(
      "Resect",
      on: ["Bytes", "Tensors", "Checkpoints", "ResNets", "Naming", "Surgery", "NativeFormat"]),

    // The command line.
    floor("ResectCommands", on: ["Resect", argumentParser]),
    .executableTarget(
      name: "ResectCLI", dependencies: ["ResectCommands"], swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["Bytes", "Tensors", "ResNets"], path: "Tests/Support",
      swiftSettings: strict),
    tests("Bytes", on: []),
    tests("Tensors", on: ["Bytes"]),
    tests("Zip", on: ["Bytes"]),
    tests("Pickle", on: ["Bytes"], scripts: ["make_vectors.py"]),
    tests("Checkpoints", on: ["Bytes", "Tensors"]),
    tests("ResNets", on: ["Bytes", "Tensors"]),
    tests("Naming", on: ["Bytes", "Tensors", "ResNets"]),
    tests("Surgery", on: ["Bytes", "Tensors", "ResNets"]),
    tests("NativeFormat", on: ["Bytes", "Tensors", "ResNets"]),
    tests("Resect", on: []),
    tests("ResectCommands", on: ["Resect", "ResectCLI"]),
  ],
  swiftLanguageModes: [.v6]
)
