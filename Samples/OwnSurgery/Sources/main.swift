import Foundation
import Resect

// usage: OwnSurgery IN OUT
// Writes IN without the second block of its second stage, and tells what that does.
do throws(ResectError) {
  let arguments = CommandLine.arguments
  guard arguments.count == 3 else { throw ResectError(.badArgument, "name the model to read and the file to write") }
  let model = try Model(contentsOf: arguments[1]).applying(RemoveBlock(stage: 1, block: 1))
  let report = try model.write(to: arguments[2], options: .init(overwrites: true))
  for surgery in model.surgeries { print(surgery.summary) }
  if let proof = report.proof { print(proof.summary) }
  print("wrote \(arguments[2]): \(report.bytes) bytes")
} catch {
  print("OwnSurgery: \(error)")
  exit(1)
}
