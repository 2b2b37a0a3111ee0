"""Chinese surnames by their Latin spelling: 曹越 is Cao Yue."""

SURNAMES: dict[str, str] = dict(
    pair.split(":")
    for pair in (
        "wang:王汪 li:李黎厉 zhang:张章 liu:刘柳 chen:陈 yang:杨阳 huang:黄 zhao:赵 wu:吴武伍 zhou:周 xu:徐许 sun:孙 ma:马 zhu:朱祝 hu:胡"
        " guo:郭 he:何贺 lin:林 gao:高 luo:罗骆 zheng:郑 liang:梁 xie:谢 song:宋 tang:唐汤 deng:邓 feng:冯封 han:韩 cao:曹 zeng:曾"
        " peng:彭 xiao:肖萧 cai:蔡 pan:潘 tian:田 dong:董 yuan:袁 yu:于余俞喻 ye:叶 jiang:蒋江姜 du:杜 su:苏 wei:魏韦卫 cheng:程成"
        " lu:卢陆路鲁 lv:吕 ding:丁 shen:沈申 ren:任 yao:姚 zhong:钟 cui:崔 tan:谭 wan:万 jin:金 shi:石史施 liao:廖 jia:贾"
        " xia:夏 fu:傅付符 fang:方房 bai:白柏 zou:邹 meng:孟 xiong:熊 qin:秦 qiu:邱丘 hou:侯 yin:尹殷 xue:薛 yan:闫颜严阎 duan:段"
        " lei:雷 long:龙 tao:陶 mao:毛 hao:郝 gu:顾古 gong:龚宫 shao:邵 wen:温文 qian:钱 dai:戴 mo:莫 kong:孔 xiang:向项 chang:常"
        " lai:赖 qi:齐祁戚 kang:康 niu:牛 ge:葛 xing:邢 an:安 qiao:乔 pang:庞 yi:易 zhan:詹 bao:包鲍 ning:宁 nie:聂 ou:欧 lou:娄"
        " ji:季纪 ruan:阮 mei:梅 sheng:盛 lan:兰 zhuang:庄 tong:童 bian:卞 hua:华 ouyang:欧阳 lee:李 wong:王黄 chan:陈 cheung:张 tsai:蔡"
    ).split()
)
