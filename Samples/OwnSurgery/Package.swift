// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "OwnSurgery",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "Resect", path: "../..")],
  targets: [
    .executableTarget(
      name: "OwnSurgery", dependencies: [.product(name: "Resect", package: "Resect")], path: "Sources")
  ]
)
