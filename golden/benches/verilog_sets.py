"""The part of the SystemVerilog bench that knows the sets: memories, files, constants, and the play of one set."""

from __future__ import annotations

from bittrue.golden.benches.plan import Bench, Memory, Play, Signal


def memories(bench: Bench) -> str:
    """One memory an array, as long as the longest set needs it, and how its words are found."""
    lines = ["    // Arrays of the set, as values: word row * row_step + column * column_step belongs to an element."]
    for k, signal in enumerate(bench.signals):
        longest = max(play.memories[k].words for play in bench.plays)
        port = signal.port
        lines += [
            f"    reg [63:0] mem_{port} [0:{longest - 1}];",
            f"    string file_{port};",
            f"    integer words_{port}, bits_{port}, row_step_{port}, column_step_{port};",
            f"    reg signed_{port}, shown_{port};",
        ]
    lines += [
        f"    integer writes_{signal.port}, group_{signal.port}, stride_{signal.port};" for signal in bench.constants
    ]
    lines += [f"    integer dump_{signal.port};" for signal in bench.stages]
    return (
        "\n".join(lines)
        + """

    // The value of the low `bits` bits of a word.
    function automatic [63:0] value(input [63:0] word, input integer bits, input is_signed);
        reg signed [63:0] high;
        begin
            high = word << (64 - bits);
            if (is_signed) value = high >>> (64 - bits);
            else value = (word << (64 - bits)) >> (64 - bits);
        end
    endfunction
"""
    )


def sets(bench: Bench) -> str:
    """Tasks `select`, `load`, `configure` and `play`."""
    return "\n".join((_select(bench), _load(bench), _configure(bench), _play(bench)))


def _select(bench: Bench) -> str:
    cases = "".join(_case(bench, k, play) for k, play in enumerate(bench.plays))
    return f"""\
    task select(input integer k);
        begin
            case (k)
{cases}                default: $fatal(1, "no such set");
            endcase
        end
    endtask
"""


def _case(bench: Bench, index: int, play: Play) -> str:
    lines = [
        f'set_name = "{play.name}";',
        f'set_folder = "{play.folder}";',
        f"rows = {play.rows};",
        f"columns_in = {play.columns_in};",
        f"columns_out = {play.columns_out};",
    ]
    for signal, memory in zip(bench.signals, play.memories, strict=True):
        lines += _numbers(signal.port, memory)
    lines += [f"beats_to_send = {_beats_in(bench, play)};", f"beats_to_take = {_beats_out(bench, play)};"]
    return (
        f"                {index}: begin\n"
        + "".join(f"                    {line}\n" for line in lines)
        + ("                end\n")
    )


def _numbers(port: str, memory: Memory) -> list[str]:
    """Assignments that describe one array of a set."""
    word = memory.word
    lines = [
        f'file_{port} = "{memory.mem}";',
        f"words_{port} = {memory.words}; bits_{port} = {word.bits}; signed_{port} = 1'b{int(word.signed)};",
        f"row_step_{port} = {memory.row_step}; column_step_{port} = {memory.column_step};"
        f" shown_{port} = 1'b{int(memory.shown)};",
    ]
    if not memory.mem:
        lines.append(f"mem_{port}[0] = {'-' if memory.fixed < 0 else ''}64'sd{abs(memory.fixed)};")
    if memory.writes:
        lines.append(
            f"writes_{port} = {memory.writes}; group_{port} = {memory.group}; stride_{port} = {memory.stride};"
        )
    return lines


def _beats_in(bench: Bench, play: Play) -> int:
    return play.rows * (-(-play.columns_in // bench.design.lanes) if bench.form == "mac" else play.columns_in)


def _beats_out(bench: Bench, play: Play) -> int:
    return play.rows * (1 if bench.form == "mac" else play.columns_out)


def _load(bench: Bench) -> str:
    reads = "".join(_read(signal) for signal in bench.signals)
    fits = "".join(_fits(signal) for signal in bench.streams)
    return f"""\
    integer file, at, from, to_column;
    string path;

    task refuse(input string what);
        begin
            $display("ERROR layer=%0s %0s: %0s", set_name, path, what);
            $fatal(1, "the bench cannot run");
        end
    endtask

    task find(input string name);
        begin
            path = $sformatf("%0s/%0s", package_folder, name);
            file = $fopen(path, "r");
            if (file == 0) refuse("cannot be read; +package=DIR names the package");
            else $fclose(file);
        end
    endtask

    task load;
        begin
{reads}{fits}        end
    endtask
"""


def _read(signal: Signal) -> str:
    port = signal.port
    return f"""\
            if (file_{port} != "") begin
                find(file_{port});
                $readmemh(path, mem_{port}, 0, words_{port} - 1);
                for (at = 0; at < words_{port}; at = at + 1) begin
                    if ((^mem_{port}[at]) === 1'bx) refuse("has fewer words than the set, or unknown ones");
                    mem_{port}[at] = value(mem_{port}[at], bits_{port}, signed_{port});
                end
            end
"""


def _fits(signal: Signal) -> str:
    """A port narrower than the package's words must still hold each of them."""
    port, word = signal.port, signal.word
    kind = "signed" if word.signed else "unsigned"
    return f"""\
            for (at = 0; at < words_{port}; at = at + 1)
                if (value(mem_{port}[at], {word.bits}, 1'b{int(word.signed)}) !== mem_{port}[at]) begin
                    path = "{port}";
                    $display("word %0d is %0d", at, $signed(mem_{port}[at]));
                    refuse("has {word.bits} bits, {kind}, and does not hold this word");
                end
"""


def _configure(bench: Bench) -> str:
    if not bench.constants:
        return "    task configure;\n        begin\n        end\n    endtask\n"
    address = f"at[{bench.design.cfg_addr_bits - 1}:0]" if bench.design.cfg_addr_bits < 32 else "at"
    writes = "".join(
        f"""\
            for (at = 0; at < writes_{signal.port}; at = at + 1) begin
                to_column = at % stride_{signal.port};
                from = (at / stride_{signal.port} * group_{signal.port} + to_column) % words_{signal.port};
                cfg_we = 1'b1;
                cfg_sel = {bench.design.cfg_sel_bits}'d{k};
                cfg_addr = {address};
                cfg_data = to_column < group_{signal.port} ? mem_{signal.port}[from] : 64'd0;
                @(negedge clk);
            end
"""
        for k, signal in enumerate(bench.constants)
    )
    return f"""\
    task configure;
        begin
{writes}            cfg_we = 1'b0;
            @(negedge clk);
        end
    endtask
"""


def _play(bench: Bench) -> str:
    opened = "".join(
        f'                        path = $sformatf("%0s/%0s/{signal.name}.mem", dut_folder, set_folder);\n'
        f'                        dump_{signal.port} = $fopen(path, "w");\n'
        f'                        if (dump_{signal.port} == 0) refuse("cannot be written; make the folder first");\n'
        for signal in bench.stages
    )
    closed = "".join(f"                        $fclose(dump_{signal.port});\n" for signal in bench.stages)
    idle = "\n                cfg_we = 1'b0;" if bench.constants else ""
    return f"""\
    // How a set ended, in a word and in a sentence.
    string ending, ended;
    task name_end(input integer k);
        begin
            ending = "";
            ended = "not played to its end";
            if (end_of[k] == STUCK) begin
                ending = "STUCK";
                ended = "stuck: no beat moved until the watchdog";
            end else if (end_of[k] == TOO_MANY) begin
                ending = "TOO_MANY";
                ended = "more beats came back than were asked for";
            end else if (end_of[k] == UNKNOWN_HANDSHAKE) begin
                ending = "UNKNOWN_HANDSHAKE";
                ended = "in_ready or out_valid is x or z";
            end
        end
    endtask

    task play(input integer k);
        begin
            select(k);
            if (only == "" || only == set_name) begin
                load;
                set = k;
                if (dut_folder != "") begin
{opened}                end
                gap_random = (seed * 32'd2654435761) ^ 32'h9e3779b9 ^ k;
                stall_random = (seed * 32'd2246822519) ^ 32'h85ebca6b ^ k;
                if (gap_random == 0) gap_random = 1;
                if (stall_random == 0) stall_random = 1;
                // Reset, constants and `running` change between rising edges.
                @(negedge clk);
                rst_n = 1'b0;{idle}
                repeat (4) @(negedge clk);
                rst_n = 1'b1;
                @(negedge clk);
                configure;
                running = 1'b1;
                end_of[k] = NOT_PLAYED;
                while (end_of[k] == NOT_PLAYED) begin
                    @(negedge clk);
                    if (stop) end_of[k] = STOPPED;
                    else if (unknown) end_of[k] = UNKNOWN_HANDSHAKE;
                    else if (taken == beats_to_take && sent == beats_to_send) end_of[k] = COMPLETE;
                    else if (idle >= watchdog) end_of[k] = STUCK;
                end
                // A design may also answer more often than it is asked.
                if (end_of[k] == COMPLETE) begin
                    repeat (64) @(negedge clk);
                    if (taken > beats_to_take) end_of[k] = TOO_MANY;
                end
                if (end_of[k] > STOPPED) begin
                    errors = errors + 1;
                    name_end(k);
                    $write("%0s layer=%0s sent=%0d/%0d taken=%0d/%0d", ending, set_name,
                           sent, beats_to_send, taken, beats_to_take);
                    $display(" in_valid=%b in_ready=%b out_valid=%b out_ready=%b time=%0dns",
                             in_valid, in_ready, out_valid, out_ready, $time);
                end
                running = 1'b0;
                @(negedge clk);
                if (dut_folder != "") begin
{closed}                end
            end
        end
    endtask
"""
