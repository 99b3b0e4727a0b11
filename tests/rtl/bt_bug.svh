// `BT_BUG declares `bug`: which planted fault a simulation shows (+bug=N). In synthesis there is none.
`ifdef SYNTHESIS
`define BT_BUG localparam integer bug = 0;
`else
`define BT_BUG \
    integer bug; \
    initial if ($value$plusargs("bug=%d", bug) == 0) bug = 0;
`endif
