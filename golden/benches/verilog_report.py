"""The part of the SystemVerilog bench that says how it went: JUnit XML, the last line, the exit code."""

from __future__ import annotations

from bittrue.golden.benches.plan import Bench
from bittrue.golden.benches.verilog_words import checks


def report(bench: Bench) -> str:
    """Task `report` and what it calls. A stage that was not compared to its end is skipped, not passed."""
    names = checks(bench)
    totals = "".join(f"                {k}: total = words_{stage.port};\n" for k, stage in enumerate(bench.stages))
    labels = "".join(f'                {k}: label = "{name}";\n' for k, name in enumerate(names))
    return f"""\
    // Verdict.
    integer total, failed, broken, skipped, suite, entry, junit, played, compared;
    string label;

    task describe(input integer k);
        begin
            total = beats_to_take;
            label = "";
            case (k % CHECKS)
{totals}                default: total = beats_to_take;
            endcase
            case (k % CHECKS)
{labels}                default: label = "";
            endcase
        end
    endtask

    task suite_totals;
        begin
            failed = 0;
            skipped = 0;
            for (entry = suite * CHECKS; entry < (suite + 1) * CHECKS; entry = entry + 1) begin
                describe(entry);
                compared = compared + words_of[entry];
                if (errors_of[entry] != 0) failed = failed + 1;
                else if (words_of[entry] != total) skipped = skipped + 1;
            end
            if (end_of[suite] == NOT_PLAYED || end_of[suite] == STOPPED) skipped = skipped + 1;
            broken = end_of[suite] > STOPPED ? 1 : 0;
        end
    endtask

    task write_suite;
        begin
            $fwrite(junit, "  <testsuite name=\\"{bench.name}.%0s\\" tests=\\"%0d\\"", set_name, CHECKS + 1);
            $fdisplay(junit, " failures=\\"%0d\\" errors=\\"%0d\\" skipped=\\"%0d\\">", failed, broken, skipped);
            for (entry = suite * CHECKS; entry < (suite + 1) * CHECKS; entry = entry + 1) begin
                describe(entry);
                $fwrite(junit, "    <testcase classname=\\"{bench.name}.%0s\\" name=\\"%0s\\">", set_name, label);
                if (errors_of[entry] != 0) begin
                    $fwrite(junit, "<failure message=\\"%0d of %0d words differ;", errors_of[entry], words_of[entry]);
                    $fwrite(junit, " first idx=%0d exp=0x%0h act=0x%0h\\"/>",
                            first_of[entry], expected_of[entry], actual_of[entry]);
                end else if (words_of[entry] != total)
                    $fwrite(junit, "<skipped message=\\"%0d of %0d words compared\\"/>", words_of[entry], total);
                $fdisplay(junit, "</testcase>");
            end
            $fwrite(junit, "    <testcase classname=\\"{bench.name}.%0s\\" name=\\"handshake\\">", set_name);
            name_end(suite);
            if (broken != 0) $fwrite(junit, "<error message=\\"%0s\\"/>", ended);
            else if (end_of[suite] != COMPLETE) $fwrite(junit, "<skipped message=\\"%0s\\"/>", ended);
            $fdisplay(junit, "</testcase>");
            $fdisplay(junit, "  </testsuite>");
        end
    endtask

    // The first stage of a set, in the order in which they arise, that differs anywhere.
    task name_first;
        begin
            entry = suite * CHECKS;
            while (entry < (suite + 1) * CHECKS - 1 && errors_of[entry] == 0) entry = entry + 1;
            describe(entry);
            if (errors_of[entry] != 0)
                $display("FIRST layer=%0s stage=%0s idx=%0d differ=%0d/%0d", set_name, label,
                         first_of[entry], errors_of[entry], words_of[entry]);
        end
    endtask

    task report;
        begin
            played = 0;
            compared = 0;
            junit = 0;
            if (junit_path != "") begin
                path = junit_path;
                junit = $fopen(path, "w");
                if (junit == 0) refuse("cannot be written");
                $fdisplay(junit, "<?xml version=\\"1.0\\" encoding=\\"UTF-8\\"?>");
                $fdisplay(junit, "<testsuites>");
            end
            for (suite = 0; suite < SETS; suite = suite + 1) begin
                select(suite);
                if (only == "" || only == set_name) begin
                    played = played + 1;
                    suite_totals;
                    if (junit != 0) write_suite;
                    name_first;
                end
            end
            if (junit != 0) begin
                $fdisplay(junit, "</testsuites>");
                $fclose(junit);
            end
            if (played == 0) $fatal(1, "there is no set %0s", only);
            if (errors != 0) begin
                $write("FAIL {bench.name}: %0d errors in %0d words", errors, compared);
                if (stop) $write(", stopped");
                $display("");
                $fatal(1, "the design differs");
            end
            $display("PASS {bench.name}: %0d words of %0d sets", compared, played);
            $finish;
        end
    endtask
"""
