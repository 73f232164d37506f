import Configuration
import Testing

/// Faulty snippets, each with every finding that it must bring, to the column and the word.
@Suite struct FaultTests {
  @Test(arguments: Fault.all) func everyFaultIsFoundInItsPlace(_ fault: Fault) {
    #expect(findings(fault.text) == fault.expected)
  }
}
