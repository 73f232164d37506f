// A program that supervises and is supervised, for the tests of `Supervision`:
//   SupervisionFixture worker NAME            a worker, started by a supervisor
//   SupervisionFixture supervise FILE         a supervisor; FILE is a `FixtureSetup` as JSON
import Foundation

switch CommandLine.arguments.dropFirst().first {
case "worker":
  FixtureWorker.run()
case "supervise" where CommandLine.arguments.count == 3:
  await FixtureSupervisor.run(file: CommandLine.arguments[2])
default:
  print("wrong use")
  exit(2)
}
