import ResectCommands

@main
enum Main {
  static func main() { ResectCommand.runAsProcess() }
}
