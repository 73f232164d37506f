// A server of the names worker alone, for tests with real peers and for benchmarks, until it is told to end:
//   NamesFixture tftp --listen 127.0.0.1:0 --read DIR [--write 'DIR/{device}'] [--single-port] [--no-segments] [--known-only]
// Once it answers, it prints one line for each listening endpoint, and then "ready".

let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
switch arguments.command {
case "tftp": await serveTFTP(arguments)
case "dhcp": await serveDHCP(arguments)
case "leases": await claimLeases(arguments)
default: arguments.fail("what to serve: tftp or dhcp")
}
