@testable import ResectCommands
import Testing

@Suite struct TerminalTests {
  @Test(
    arguments: [
      (true, nil, "xterm", true), (true, nil, nil, true), (true, "", "xterm", true), (true, "1", "xterm", false),
      (true, "0", "xterm", false), (true, nil, "dumb", false), (false, nil, "xterm", false),
    ] as [(Bool, String?, String?, Bool)])
  func `text is emphasised where a terminal shows it and the user does not refuse it`(
    isTerminal: Bool, noColor: String?, term: String?, expected: Bool
  ) {
    #expect(Terminal.styles(isTerminal: isTerminal, noColor: noColor, term: term) == expected)
  }

  @Test func `what no terminal reads is not emphasised`() throws {
    #expect(try !Program("--help").output.contains("\u{1B}"))
  }

  @Test(arguments: [(0, 1, 0), (1, 3, 33), (999, 1000, 99), (3, 3, 100), (7, 3, 100), (Int.max, Int.max, 100)])
  func `progress is whole percent, and never more than all`(done: Int, total: Int, percent: Int) {
    #expect(ProgressBar.percent(done, of: total) == percent)
  }

  @Test(arguments: [
    (0, "[.........................] 0 %"), (50, "[############.............] 50 %"),
    (99, "[########################.] 99 %"),
    (100, "[#########################] 100 %"),
  ])
  func `the bar has a mark for each four percent`(percent: Int, text: String) {
    #expect(ProgressBar.text(percent: percent) == text)
  }
}
