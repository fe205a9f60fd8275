internal import ResectBytes

extension JSON {
  /// The members of an object that holds strings only; `what` names it in errors.
  func strings(of what: String) throws(ResectError) -> [String: String] {
    guard let members else { throw ResectError(.malformed, "\(what) is no object") }
    var strings: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else {
        throw ResectError(.malformed, "\(what) may hold strings only", tensor: member.name)
      }
      strings[member.name] = text
    }
    return strings
  }
}
