import CFuzzer
import FuzzTargets

if CommandLine.arguments.dropFirst().first == "--list" {
  for target in FuzzTarget.all { print(target.name) }
} else if Selection.target == nil {
  print("usage: Fuzz --list | Fuzz TARGET [libFuzzer options] [corpus folders]")
} else {
  // To libFuzzer the target's name is the program's.
  var count = CommandLine.argc - 1
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
  _ = LLVMFuzzerRunDriver(&count, &arguments) { data, size in Selection.run(data, size) }
}
