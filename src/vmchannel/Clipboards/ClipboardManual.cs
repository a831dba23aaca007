namespace VmChannel.Cli.Clipboards;

/// <summary>The pages of <c>vmchannel clipboard</c>.</summary>
internal static class ClipboardManual
{
    public const string All = """
        vmchannel clipboard - copy to and paste from a guest's clipboard

        Usage:
          vmchannel clipboard show [VM] [PORT]
          vmchannel clipboard get [VM] [PORT] [-o FILE] [--type TYPE] [--selection NAME]
          vmchannel clipboard set [VM] [PORT] [-i FILE] [--type TYPE] [--selection NAME]
          vmchannel clipboard clear [VM] [PORT] [--selection NAME]
          vmchannel clipboard watch [VM] [PORT]
          vmchannel clipboard send VM FILE...
          vmchannel clipboard bridge [VM...]

        The guest runs SPICE's agent (package spice-vdagent) or vmchannel-guest clipboard, and the server a port for it:
        -virtioserial protocol=com.redhat.spice.0. PORT may be left out when the VM has one such port.

        Examples:
          vmchannel clipboard get web
          echo hello | vmchannel clipboard set web
          vmchannel clipboard get web --type png -o shot.png

        Each has a page of its own: vmchannel clipboard get --help

        """;

    public const string Show = """
        vmchannel clipboard show - what is on a guest's clipboards

        Usage:
          vmchannel clipboard show [VM] [PORT]

        For each clipboard who copied last, and in which forms it can be had. Nothing is transferred.

        Options:

        """;

    public const string Get = """
        vmchannel clipboard get - paste from a guest's clipboard

        Usage:
          vmchannel clipboard get [VM] [PORT] [-o FILE] [--type TYPE] [--selection NAME]

        Prints what was copied last, byte for byte; on a terminal, control characters of text are shown and not done.

          -o FILE               write a file; images need one, or a pipe
          --type TYPE           text, png, bmp, tiff or jpeg; without it the first that there is
          --selection NAME      clipboard (the default), primary (what was marked with the mouse) or secondary

        Examples:
          vmchannel clipboard get web | wc -w
          vmchannel clipboard get web --type png -o shot.png

        Options:

        """;

    public const string Set = """
        vmchannel clipboard set - copy to a guest's clipboard

        Usage:
          vmchannel clipboard set [VM] [PORT] [-i FILE] [--type TYPE] [--selection NAME]

        What is on standard input, or in FILE, can be pasted in the guest from then on.

          -i FILE               read a file
          --type TYPE           text (the default), png, bmp, tiff or jpeg; with -i, the end of the file's name says it
          --selection NAME      clipboard (the default), primary or secondary

        Examples:
          git diff | vmchannel clipboard set web
          vmchannel clipboard set web -i logo.png

        Options:

        """;

    public const string Clear = """
        vmchannel clipboard clear - take back what the host copied

        Usage:
          vmchannel clipboard clear [VM] [PORT] [--selection NAME]

        What the guest copied itself stays.

          --selection NAME      clipboard (the default), primary or secondary

        Options:

        """;

    public const string Watch = """
        vmchannel clipboard watch - show who copies, as it happens

        Usage:
          vmchannel clipboard watch [VM] [PORT]

        A line for each clipboard as it is, then one for each change. Nothing is transferred.

        Example:
          vmchannel clipboard watch web --json | jq -r 'select(.owner == "guest") | .types[0]'

        Options:

        """;
}
