using VmChannel.Bench;

return await BenchCommand.Create().Parse(args).InvokeAsync();
